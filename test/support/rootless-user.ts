// An ordinary user for rootless engines, where the tests run as root: one of this machine that has ranges of uids of its own,
// or one that is made for the tests and goes with them. Its Podman has a store of the tests' own, which copies no image for a container.
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../src/platform/processes.ts';
import type { OrdinaryUser } from './contract-as.ts';
import { pathOfTests } from './engines.ts';

const NAME = 'ironcage-test';

export interface RootlessUser extends OrdinaryUser {
  /** Made by this very call: one that was there may be in use by another run of the tests, and stays. */
  isOurs: boolean;
  remove: () => Promise<void>;
}

export async function requireRootlessUser(): Promise<RootlessUser> {
  const there = findUser();
  if (there !== undefined) return there;
  await must('useradd', ['--create-home', '--shell', '/bin/sh', NAME]);
  const made = findUser();
  if (made === undefined) throw new Error(`${NAME} has no ranges of uids in /etc/subuid`);
  return { ...made, isOurs: true };
}

/** The first that /etc/subuid and /etc/subgid name and that has a home. */
function findUser(): RootlessUser | undefined {
  const ranged = namesIn('/etc/subuid').filter((name) => namesIn('/etc/subgid').includes(name));
  for (const [name = '', , uid, gid, , home = ''] of linesOf('/etc/passwd')) {
    if (!ranged.includes(name) || uid === undefined || gid === undefined || !existsSync(home)) continue;
    return rootlessUser(name, Number(uid), Number(gid), home);
  }
  return undefined;
}

function rootlessUser(name: string, uid: number, gid: number, home: string): RootlessUser {
  const runtime = `/run/user/${uid}`;
  if (!existsSync(runtime)) {
    mkdirSync(runtime, { recursive: true, mode: 0o700 });
    chownSync(runtime, uid, gid);
  }
  const identity = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--'];
  const command = ['env', '--chdir=/', 'setpriv', ...identity] as const;
  const env = {
    ...{ PATH: pathOfTests(), HOME: home, USER: name, LANG: 'C.UTF-8', XDG_RUNTIME_DIR: runtime },
    CONTAINERS_STORAGE_CONF: configureStore(runtime, home),
  };
  return {
    uid,
    command,
    env,
    isOurs: false,
    remove: async () => {
      // Its pause process holds its namespaces.
      await run(command[0], [...command.slice(1), 'podman', 'system', 'migrate'], { env, timeoutMs: 60_000 });
      await must('userdel', ['--remove', name]);
    },
  };
}

/** Beside whatever store is there, whose driver is what it was made with: where nothing is configured, one that copies whole images. */
function configureStore(runtime: string, home: string): string {
  const file = join(runtime, 'ironcage-test-storage.conf');
  const store = join(home, '.local/share/ironcage-test-storage');
  const text = `[storage]\ndriver = "overlay"\nrunroot = "${join(runtime, 'ironcage-test-storage')}"\nrootless_storage_path = "${store}"\n`;
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return file;
  rmSync(file, { force: true });
  writeFileSync(file, text, { mode: 0o644, flag: 'wx' });
  return file;
}

function namesIn(file: string): string[] {
  return linesOf(file).map(([name = '']) => name);
}

function linesOf(file: string): string[][] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(':'));
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await run(program, args, { env: { PATH: pathOfTests() }, timeoutMs: 60_000 });
  if (exitCode !== 0) throw new Error(`${program} failed: ${stderr}`);
}
