// A program on the caller's own pipes. A file or a terminal of the caller's is not handed down: a cage could open it anew
// through /proc/self/fd, with rights that the descriptor does not give, and keep it when the program has ended. Those are
// relayed through fresh pipes.
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from './files.ts';
import { run } from './processes.ts';
import type { TerminalCommand } from './terminal.ts';

/** They end the program, not us: what comes after it is still to be done. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How long to read on, from one byte to the next, when the program has ended and something it left holds its output. */
const LINGER_MS = 100;

/** /dev/null, as fstat tells it. */
const NULL_DEVICE = 0x103;

/** Resolves with the exit code, 128 + n after signal n. `opening`: a relay that was begun while the command was found. */
export async function runOnPipes(
  { program, args, env, cwd, deliver }: TerminalCommand,
  opening: Promise<Relay> = openRelay(env['PATH']),
): Promise<number> {
  const relay = await opening;
  return new Promise((ended, failed) => {
    // One that hands no signal on must not get those that are meant for the whole group either.
    const child = spawn(program, [...args], { env, cwd, stdio: [...relay.stdio], detached: deliver !== undefined });
    const forward = (signal: NodeJS.Signals): void => {
      if (deliver?.(signal) !== true) child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const finished = relay.start();
    const done = (finish: () => void): void => {
      for (const signal of FORWARDED) process.off(signal, forward);
      finished().then(finish, failed);
    };
    child.once('error', (error) => done(() => failed(error)));
    child.once('exit', (code, signal) =>
      done(() => ended(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))),
    );
  });
}

/** For one program. */
export interface Relay {
  stdio: readonly (number | 'inherit')[];
  /** To be called once the program has its ends; the function returned ends the relay when all output has passed. */
  start(): () => Promise<void>;
  /** Where there was no program; once it was started, nothing is left to close. */
  close(): void;
}

/** Between the caller's own pipes and a program's. `path`: PATH. */
export async function openRelay(path: string | undefined): Promise<Relay> {
  const [input, output, errors] = [0, 1, 2].map(reopenable);
  // Both into one file: through one pipe, or their order would be lost.
  const shared = output !== undefined && output === errors;
  const [inputPipe, outputPipe, errorPipe] = await openPipes([input, output, shared ? undefined : errors], path);
  let hasStarted = false;
  const errorEnd = shared ? outputPipe?.write : errorPipe?.write;
  return {
    stdio: [inputPipe?.read ?? 'inherit', outputPipe?.write ?? 'inherit', errorEnd ?? 'inherit'],
    start() {
      hasStarted = true;
      const endInput = inputPipe === undefined ? undefined : feed(inputPipe);
      const drains = [
        ...(outputPipe === undefined ? [] : [drain(outputPipe, process.stdout)]),
        ...(errorPipe === undefined ? [] : [drain(errorPipe, process.stderr)]),
      ];
      return async () => {
        endInput?.();
        await Promise.all(drains.map((finish) => finish()));
      };
    },
    close() {
      if (hasStarted) return;
      hasStarted = true;
      for (const pipe of [inputPipe, outputPipe, errorPipe]) {
        if (pipe !== undefined) for (const fd of [pipe.read, pipe.write]) closeSync(fd);
      }
    },
  };
}

/** What names the file behind a descriptor that must not be handed down; undefined for a pipe, a socket, /dev/null. */
function reopenable(fd: number): string | undefined {
  const stat = fstatSync(fd);
  if (stat.isFIFO() || stat.isSocket() || (stat.isCharacterDevice() && stat.rdev === NULL_DEVICE)) return undefined;
  return `${stat.dev}:${stat.ino}`;
}

interface Pipe {
  read: number;
  write: number;
}

/** A pipe for each that is wanted. Not the sockets that Node calls pipes: what opens /dev/stderr fails on those. */
async function openPipes(
  wanted: readonly (string | undefined)[],
  path: string | undefined,
): Promise<(Pipe | undefined)[]> {
  if (wanted.every((target) => target === undefined)) return [];
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-pipes-'));
  try {
    const names = wanted.map((_target, index) => join(directory, String(index)));
    // By its mode it can be opened anew by another uid, as which root's cages run; by its path only by us.
    const made = await run('mkfifo', ['-m', '666', ...names], { env: { PATH: path } });
    if (made.exitCode !== 0) throw new Error(`mkfifo failed: ${made.stderr.trim()}`);
    return names.map((name, index) => (wanted[index] === undefined ? undefined : openPipe(name)));
  } finally {
    removeTree(directory, tmpdir());
  }
}

function openPipe(path: string): Pipe {
  // With both directions open neither end has to wait for the other.
  const both = openSync(path, 'r+');
  const pipe = { read: openSync(path, 'r'), write: openSync(path, 'w') };
  closeSync(both);
  return pipe;
}

/** Passes our input on; the function returned gives the rest of it up. */
function feed({ read, write }: Pipe): () => void {
  closeSync(read);
  const end = new Socket({ fd: write, readable: false, writable: true });
  // A program that ends without reading its input is no failure of ours.
  end.on('error', () => end.destroy());
  process.stdin.pipe(end);
  return () => {
    process.stdin.unpipe(end);
    process.stdin.pause();
    end.destroy();
  };
}

/** Passes the program's output on; the function returned resolves when there is no more. */
function drain({ read, write }: Pipe, target: NodeJS.WriteStream): () => Promise<void> {
  closeSync(write);
  const end = new Socket({ fd: read, readable: true, writable: false });
  let hasSpoken = false;
  end.on('data', () => (hasSpoken = true));
  end.pipe(target, { end: false });
  const stop = (): void => void end.destroy();
  target.once('error', stop);
  const closed = new Promise<void>((done) => end.once('close', () => done()));
  return async () => {
    const timer = setTimeout(() => {
      hasSpoken = false;
      // After a turn of the event loop: what waited while a slow terminal held us up has then been read.
      setImmediate(() => (hasSpoken ? timer.refresh() : stop()));
    }, LINGER_MS);
    await closed;
    clearTimeout(timer);
    target.off('error', stop);
  };
}
