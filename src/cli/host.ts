// The real process as the command line sees it. The only file of this room that touches `process` beyond main.ts;
// everything else gets a Host, so that tests run in process with streams of their own.
import { hostEnvironment, type Environment } from '../platform/environment.ts';
import { toIronError } from '../platform/errors.ts';
import { dispatch } from './dispatch.ts';
import type { Library } from './library.ts';
import { createOutput, type OutputStream } from './output.ts';

/** A source of keystrokes or piped bytes. */
export interface InputStream extends NodeJS.ReadableStream {
  isTTY?: boolean | undefined;
  setRawMode?: ((mode: boolean) => unknown) | undefined;
}

export interface Host {
  stdin: InputStream;
  stdout: OutputStream;
  stderr: OutputStream;
  cwd: string;
  environment: Environment;
  /** Loads the library on first need: help, completion and usage errors do without it. */
  loadLibrary(): Promise<Library>;
}

export async function runOnHost(argv: readonly string[]): Promise<number> {
  const host: Host = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    cwd: process.cwd(),
    environment: hostEnvironment(),
    loadLibrary: () => import('../index.ts'),
  };
  // A throw outside of every promise would end node with exit code 1, which means "no" as an answer.
  process.on('uncaughtException', (error) => {
    const output = createOutput(host, { json: false, quiet: false, color: true, verbose: argv.includes('--verbose') });
    const known = toIronError(error);
    output.failure(known);
    process.exit(known.exitCode);
  });
  return dispatch(argv, host);
}
