// What a native cage needs of this machine, each asked for real, each with the way to get it.
import { readFileSync } from 'node:fs';
import type { Environment } from '../../platform/environment.ts';
import { IronError } from '../../platform/errors.ts';
import { findProgram, run } from '../../platform/processes.ts';
import type { ProbeResult } from '../backend.ts';
import { createSeccompFilter } from '../host/seccomp.ts';
import { startFailure } from './start.ts';
import { searchPath } from '../host/tools.ts';

const PROGRAMS = [
  ['bwrap', 'bubblewrap'],
  ['ip', 'iproute2'],
  ['git', 'git'],
  ['nsenter', 'util-linux'],
  ['setpriv', 'util-linux'],
  ['prlimit', 'util-linux'],
  ['mount', 'mount'],
] as const;

/** Any uid that is not root's will do for the question whether ordinary users may make namespaces. */
const SOMEBODY = '65534';

/** Everything that bears on native cages, for people. */
export async function probeNative(environment: Environment): Promise<ProbeResult[]> {
  const results = await probeNeeds(environment);
  if (isFine(results)) results.push(await probeOverlay(searchPath(environment), process.getuid?.() === 0));
  return [...results, terminalInjection()];
}

/** That without which there is no cage at all. */
async function probeNeeds(environment: Environment): Promise<ProbeResult[]> {
  const path = searchPath(environment);
  const results = probePrograms(path);
  if (isFine(results)) results.push(await probeNamespaces(path, process.getuid?.() === 0));
  return results;
}

function probePrograms(path: string): ProbeResult[] {
  const results: ProbeResult[] = PROGRAMS.map(([program, debianPackage]) => {
    const found = findProgram(program, path);
    return found === undefined
      ? {
          id: `tool.${program}`,
          status: 'fail',
          what: `${program} is missing`,
          hint: `sudo apt-get install ${debianPackage}`,
        }
      : { id: `tool.${program}`, status: 'ok', what: `${program} at ${found}`, hint: '' };
  });
  results.push(
    createSeccompFilter(process.arch) === undefined
      ? {
          id: 'kernel.seccomp',
          status: 'fail',
          what: `no system-call filter for ${process.arch}`,
          hint: 'use x86-64 or arm64',
        }
      : { id: 'kernel.seccomp', status: 'ok', what: `system-call filter for ${process.arch}`, hint: '' },
  );
  return results;
}

function isFine(results: readonly ProbeResult[]): boolean {
  return results.every(({ status }) => status === 'ok');
}

function asSomebody(asRoot: boolean): string[] {
  return asRoot ? ['setpriv', '--reuid', SOMEBODY, '--regid', SOMEBODY, '--clear-groups', '--'] : [];
}

const SPACES = ['user', 'net', 'pid', 'ipc', 'uts', 'cgroup'].map((name) => `--unshare-${name}`);

async function probeNamespaces(path: string, asRoot: boolean): Promise<ProbeResult> {
  const command = [...asSomebody(asRoot), 'bwrap', ...SPACES, '--ro-bind', '/', '/', '--proc', '/proc', 'true'];
  const outcome = await tryCommand(command, path);
  if (outcome === undefined) return { id: 'kernel.namespaces', status: 'ok', what: 'user namespaces work', hint: '' };
  const { message, hint } = startFailure('bubblewrap could not make namespaces', outcome);
  return { id: 'kernel.namespaces', status: 'fail', what: message, hint };
}

export async function probeOverlay(path: string, asRoot: boolean): Promise<ProbeResult> {
  const outcome = await tryCommand([...asSomebody(asRoot), ...overlayIn(['--unshare-user'])], path);
  return outcome === undefined
    ? { id: 'kernel.overlay', status: 'ok', what: 'overlays work in user namespaces', hint: '' }
    : {
        id: 'kernel.overlay',
        status: 'warn',
        what: 'no overlay in user namespaces',
        hint: 'projects are copied instead, which takes longer; a kernel from 5.11 on has them',
      };
}

function overlayIn(spaces: readonly string[], mounts: readonly string[] = []): string[] {
  const keeper = ['--uid', '0', '--gid', '0', '--cap-add', 'ALL', '--dev-bind', '/', '/', '--tmpfs', '/tmp'];
  const layers = ['lower', 'upper', 'work', 'merged'].flatMap((name) => ['--dir', `/tmp/${name}`]);
  const options = 'lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr';
  const mount = ['mount', '-t', 'overlay', 'overlay', '-o', options, '/tmp/merged'];
  return ['bwrap', ...spaces, ...keeper, ...mounts, ...layers, '--', ...mount];
}

/** Undefined when it worked, otherwise what it said. */
async function tryCommand(command: readonly string[], path: string): Promise<string | undefined> {
  const [program = '', ...args] = command;
  const result = await run(program, args, { env: { PATH: path }, timeoutMs: 10_000 });
  return result.exitCode === 0 ? undefined : result.stderr || 'no reason was given';
}

function terminalInjection(): ProbeResult {
  let legacy: string;
  try {
    legacy = readFileSync('/proc/sys/dev/tty/legacy_tiocsti', 'utf8').trim();
  } catch {
    legacy = 'unknown';
  }
  return {
    id: 'kernel.tiocsti',
    status: 'ok',
    what: legacy === '0' ? 'the kernel refuses TIOCSTI' : 'TIOCSTI is refused by the cage’s filter, not by the kernel',
    hint: '',
  };
}

/** Throws the first need that is not met as an error that names the fix. */
export async function requireNative(environment: Environment): Promise<void> {
  const failed = (await probeNeeds(environment)).find(({ status }) => status === 'fail');
  if (failed === undefined) return;
  const code = failed.id.startsWith('tool.') ? 'E_TOOL_MISSING' : 'E_KERNEL';
  throw new IronError(code, { message: failed.what, hint: failed.hint });
}

/** The same for an ordinary user, and whether overlays work too: where all does, one try shows it. */
export async function requireNativeWithOverlay(environment: Environment): Promise<boolean> {
  const path = searchPath(environment);
  const all = overlayIn(SPACES, ['--proc', '/proc']);
  if (isFine(probePrograms(path)) && (await tryCommand(all, path)) === undefined) return true;
  await requireNative(environment);
  return (await probeOverlay(path, false)).status === 'ok';
}
