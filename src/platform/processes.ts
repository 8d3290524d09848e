// Child processes: argv arrays only, never a shell string. A failure is data; the caller decides what it means.
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { IronError, systemErrorCode } from './errors.ts';
import { timeLimit, whenLate } from './patience.ts';

export interface RunResult {
  /** Exit code, or null when a signal ended the process. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
  timedOut: boolean;
}

export interface RunOptions {
  cwd?: string | undefined;
  /** The complete environment of the child; nothing is inherited. */
  env: Readonly<Record<string, string | undefined>>;
  input?: string | Uint8Array | undefined;
  timeoutMs?: number | undefined;
  /** Bytes of stdout after which the child is killed and the run fails. Default 1 GiB. */
  maxOutputBytes?: number | undefined;
  /** Collect nothing of stdout: it is for `onOutput` alone, and has no bound. */
  uncollected?: boolean | undefined;
  /** Both streams' bytes as they arrive, besides what is collected. */
  onOutput?: ((chunk: Buffer) => void) | undefined;
  /** Kills the child, and what it has started, when it aborts. */
  abort?: AbortSignal | undefined;
  /** It may ask at the terminal, which only our own group has: aborted, it is asked to end what it has started by itself. */
  asksUser?: boolean | undefined;
}

const STDERR_KEPT_BYTES = 64 * 1024;

/** Runs a program to its end and collects what it printed. Rejects only when it could not be started. */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  return new Promise((resolvePromise, reject) => {
    const { cwd, env, abort, asksUser = false } = options;
    // Of a group of its own all can be killed at once: what is left of a wrapper would keep the pipes open.
    const detached = abort !== undefined && !asksUser;
    const how = { cwd, env, detached };
    // A pipe that nothing comes through costs as much as one that is used.
    const child =
      options.input === undefined
        ? spawn(program, [...args], { ...how, stdio: ['ignore', 'pipe', 'pipe'] })
        : spawn(program, [...args], { ...how, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let outBytes = 0;
    let stderr = '';
    let timedOut = false;
    const limit = options.maxOutputBytes ?? 2 ** 30;
    const inTime =
      options.timeoutMs === undefined
        ? undefined
        : whenLate(options.timeoutMs, () => {
            timedOut = true;
            child.kill('SIGKILL');
          });
    const kill = (): void => {
      if (detached) return killGroup(child.pid);
      child.kill('SIGTERM');
      // What it has started may hold these open until long after it.
      child.once('exit', () => [child.stdout, child.stderr].forEach((stream) => stream.destroy()));
    };
    if (abort?.aborted === true) kill();
    abort?.addEventListener('abort', kill);
    child.stdout.on('data', (chunk: Buffer) => {
      options.onOutput?.(chunk);
      if (options.uncollected === true) return;
      outBytes += chunk.length;
      if (outBytes > limit) child.kill('SIGKILL');
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      options.onOutput?.(chunk);
      if (stderr.length < STDERR_KEPT_BYTES) stderr += chunk.toString('utf8');
    });
    // A child that ends without reading its input is no failure of ours.
    child.stdin?.on('error', () => undefined);
    child.on('error', (error) => {
      inTime?.();
      abort?.removeEventListener('abort', kill);
      reject(systemErrorCode(error) === 'ENOENT' ? missingTool(program) : error);
    });
    child.on('close', (exitCode, signal) => {
      inTime?.();
      abort?.removeEventListener('abort', kill);
      resolvePromise({ exitCode, signal, stdout: Buffer.concat(out), stderr, timedOut });
    });
    child.stdin?.end(options.input);
  });
}

/** Takes a piece of what a program prints, which waits meanwhile; false: no more is wanted. */
export type PieceWriter = (piece: Buffer) => Promise<boolean>;

/** Runs a program without input and hands on what it prints. `stopped`: `write` wanted no more of it. */
export async function runInto(
  program: string,
  args: readonly string[],
  { cwd, env }: Pick<RunOptions, 'cwd' | 'env'>,
  write: PieceWriter,
): Promise<Pick<RunResult, 'exitCode' | 'signal' | 'stderr'> & { stopped: boolean }> {
  const child = spawn(program, [...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < STDERR_KEPT_BYTES) stderr += chunk.toString('utf8');
  });
  const ended = new Promise<Pick<RunResult, 'exitCode' | 'signal'>>((resolvePromise, reject) => {
    child.on('error', (error) => reject(systemErrorCode(error) === 'ENOENT' ? missingTool(program) : error));
    child.on('close', (exitCode, signal) => resolvePromise({ exitCode, signal }));
  });
  const handOn = async (): Promise<boolean> => {
    try {
      for await (const piece of child.stdout as AsyncIterable<Buffer>) if (!(await write(piece))) return true;
      return false;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  };
  const [stopped, end] = await Promise.all([
    handOn().then((enough) => {
      if (enough) child.kill('SIGKILL');
      return enough;
    }),
    ended,
  ]);
  return { ...end, stderr, stopped };
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}

export function missingTool(program: string): IronError {
  const debianPackage = DEBIAN_PACKAGES[program];
  return new IronError('E_TOOL_MISSING', {
    message: `the program ${program} was not found`,
    hint: debianPackage
      ? `install it: sudo apt-get install ${debianPackage}`
      : `install ${program} and run the command again`,
    details: { program },
  });
}

/** Where Debian keeps the system programs that ironcage calls. */
const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  bash: 'bash',
  bwrap: 'bubblewrap',
  cp: 'coreutils',
  du: 'coreutils',
  ip: 'iproute2',
  git: 'git',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  prlimit: 'util-linux',
  mount: 'mount',
  'iptables-restore': 'iptables',
  'ip6tables-restore': 'iptables',
};

/** The absolute path of a program on `path` (a PATH value), or undefined. */
export function findProgram(program: string, path: string | undefined): string | undefined {
  for (const directory of (path ?? '').split(delimiter)) {
    if (!directory.startsWith('/')) continue;
    const candidate = join(directory, program);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not here: the next directory of PATH may have it.
    }
  }
  return undefined;
}

/** A process that cannot be confused with a later one of the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/PID/stat. */
  startTicks: string;
}

interface ProcessDescription extends ProcessIdentity {
  parentPid: number;
}

/** Reads the identity of a live process; undefined when there is none, or it is a zombie. */
export function identifyProcess(pid: number): ProcessDescription | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // The process is gone: that is the answer.
    return undefined;
  }
  // The command name may hold spaces and parentheses: fields start behind the last ')'.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields[19];
  if (startTicks === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, startTicks, parentPid: Number(fields[1]) };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTicks === identity.startTicks;
}

/** Sends a signal to exactly this process; a process that is gone already is fine. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}

/** Waits until the process is gone; false when it is still there after `timeoutMs`. */
export async function waitForExit(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const isOver = timeLimit(timeoutMs);
  for (;;) {
    if (!isAlive(identity)) return true;
    if (isOver()) return false;
    await new Promise((wake) => setTimeout(wake, 5));
  }
}
