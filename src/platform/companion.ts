// A program that answers questions on its pipes for as long as a piece of work takes. Starting one for each question costs more than the
// answers; like `run`, an argv array and an environment of its own.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { systemErrorCode } from './errors.ts';
import { missingTool } from './processes.ts';

interface CompanionOptions {
  cwd: string;
  /** The complete environment; nothing is inherited. */
  env: Readonly<Record<string, string | undefined>>;
  /** What a read rejects with when the program has ended; `stderr` is the beginning of what it said. */
  ended: (stderr: string, signal: NodeJS.Signals | null) => Error;
}

const STDERR_KEPT_BYTES = 64 * 1024;

/** Read by one reader at a time. */
export class Companion {
  readonly #child: ChildProcessWithoutNullStreams;
  #chunks: Buffer[] = [];
  #available = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(program: string, args: readonly string[], { cwd, env, ended }: CompanionOptions) {
    const child = spawn(program, [...args], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#available += chunk.length;
      this.#wake?.();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < STDERR_KEPT_BYTES) stderr += chunk.toString('utf8');
    });
    // A program that has ended reads no question: what is read next says so.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => this.#fail(systemErrorCode(error) === 'ENOENT' ? missingTool(program) : error));
    child.on('close', (_exitCode, signal) => this.#fail(ended(stderr, signal)));
    this.#child = child;
  }

  ask(question: string): void {
    this.#child.stdin.write(question);
  }

  /** The next so many bytes of what it prints. Rejects when it ended before. */
  async read(bytes: number): Promise<Buffer> {
    while (this.#available < bytes) await this.#more();
    return this.#take(bytes);
  }

  /** Up to the next line feed, and without it. */
  async readLine(): Promise<Buffer> {
    for (;;) {
      const end = this.#whole().indexOf(0x0a);
      if (end >= 0) return this.#take(end + 1).subarray(0, end);
      await this.#more();
    }
  }

  /** Nothing more will be asked. It is not waited for: it ends when its input does. */
  end(): void {
    this.#child.stdin.end();
    this.#child.unref();
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  async #more(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((arrived) => (this.#wake = arrived));
  }

  /** All that has arrived, as one piece. */
  #whole(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #take(bytes: number): Buffer {
    const piece = this.#whole();
    this.#chunks = piece.length === bytes ? [] : [piece.subarray(bytes)];
    this.#available -= bytes;
    return piece.subarray(0, bytes);
  }
}
