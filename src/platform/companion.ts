// A program that answers questions on its pipes for as long as a piece of work takes. Starting one for each question costs more than the
// answers; like `run`, an argv array and an environment of its own.
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { systemErrorCode } from './errors.ts';
import { missingTool } from './processes.ts';

export interface Companion {
  ask(question: string): void;
  /** The next so many bytes of what it prints. Rejects when it ended before. */
  read(bytes: number): Promise<Buffer>;
  /** Up to the next line feed, and without it. */
  readLine(): Promise<Buffer>;
  /** Nothing more will be asked: it ends by itself. */
  end(): void;
}

export interface CompanionOptions {
  cwd: string;
  /** The complete environment; nothing is inherited. */
  env: Readonly<Record<string, string | undefined>>;
  /** What a read rejects with when the program has ended; `stderr` is the beginning of what it said. */
  ended: (stderr: string, signal: NodeJS.Signals | null) => Error;
}

const STDERR_KEPT_BYTES = 64 * 1024;

export function startCompanion(program: string, args: readonly string[], options: CompanionOptions): Companion {
  const { cwd, env } = options;
  const child = spawn(program, [...args], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let chunks: Buffer[] = [];
  let available = 0;
  let stderr = '';
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    wake();
  };
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    available += chunk.length;
    wake();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < STDERR_KEPT_BYTES) stderr += chunk.toString('utf8');
  });
  // A program that has ended reads no question: what is read next says so.
  child.stdin.on('error', () => undefined);
  child.on('error', (error) => fail(systemErrorCode(error) === 'ENOENT' ? missingTool(program) : error));
  child.on('close', (_exitCode, signal) => fail(options.ended(stderr, signal)));

  const more = async (): Promise<void> => {
    if (failure !== undefined) throw failure;
    await new Promise<void>((arrived) => (wake = arrived));
  };
  /** All that has arrived, as one piece. */
  const whole = (): Buffer => {
    const [first = Buffer.alloc(0)] = chunks;
    if (chunks.length > 1) chunks = [Buffer.concat(chunks)];
    return chunks[0] ?? first;
  };
  const take = (bytes: number): Buffer => {
    const piece = whole();
    chunks = piece.length === bytes ? [] : [piece.subarray(bytes)];
    available -= bytes;
    return piece.subarray(0, bytes);
  };
  return {
    ask: (question) => void child.stdin.write(question),
    async read(bytes) {
      while (available < bytes) await more();
      return take(bytes);
    },
    async readLine() {
      for (;;) {
        const end = available === 0 ? -1 : whole().indexOf(0x0a);
        if (end >= 0) return take(end + 1).subarray(0, end);
        await more();
      }
    },
    end() {
      child.stdin.end();
      letGo(child, child.stdout, child.stderr);
    },
  };
}

/** It is not waited for: it ends when its input does. */
function letGo(child: { unref(): void }, ...streams: (Readable | Writable)[]): void {
  child.unref();
  for (const stream of streams) stream.destroy();
}
