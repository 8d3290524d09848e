// A further program inside a sandbox of gVisor's, by runsc itself: engines cannot give one of its programs a terminal, and
// hand no signal on. What the program is stands in a file that only the caller reads, so that no value is on a command line.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EnterCommand, EnterPlan, EnterRequest, GvisorSandbox } from '../backend.ts';
import { endInside, runscArguments, signalInside } from './gvisor.ts';

const GRACE_MS = 2_000;

export function gvisorCommand(
  sandbox: GvisorSandbox,
  path: string,
  plan: Pick<EnterPlan, 'identity' | 'env' | 'runDirectory'>,
  { argv, cwd, env, terminal, detached }: EnterRequest,
): EnterCommand {
  // Emptied with every start: what a killed command leaves goes then.
  const directory = join(plan.runDirectory, 'exec');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, randomUUID());
  const pidFile = `${file}.pid`;
  const { insideUid: uid, insideGid: gid } = plan.identity;
  const variables = Object.entries({ ...plan.env, ...env }).map(([name, value]) => `${name}=${value}`);
  // Format: `process` of the OCI's runtime specification.
  const program = {
    terminal,
    user: { uid, gid },
    args: argv,
    env: variables,
    cwd,
    capabilities: {},
    noNewPrivileges: true,
  };
  writeFileSync(file, JSON.stringify(program), { mode: 0o600, flag: 'wx' });
  return {
    program: sandbox.program,
    args: runscArguments(sandbox, [
      ...['exec', '--process', file],
      // Without a file for the number runsc starts itself anew with arguments that it does not take.
      ...(detached === true ? ['--detach', '--pid-file', pidFile] : ['--internal-pid-file', pidFile]),
    ]),
    env: { PATH: path },
    ...(detached === true ? {} : tiedTo(sandbox, file, pidFile)),
  };
}

/** Of a program that is to end with the command line. */
function tiedTo(sandbox: GvisorSandbox, file: string, pidFile: string): Pick<EnterCommand, 'deliver' | 'endLeftOver'> {
  return {
    deliver(signal) {
      const pid = readPid(pidFile);
      if (pid === undefined) return false;
      // A sandbox that is gone has nobody left to tell.
      signalInside(sandbox, pid, signal).catch(() => undefined);
      return true;
    },
    async endLeftOver() {
      const pid = readPid(pidFile);
      for (const left of pid === undefined ? [] : await endInside(sandbox, [pid], GRACE_MS)) {
        await signalInside(sandbox, left, 'SIGKILL');
      }
      for (const done of [file, pidFile]) rmSync(done, { force: true });
    },
  };
}

/** Undefined before the program has started. */
function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    // Not written yet.
    return undefined;
  }
}
