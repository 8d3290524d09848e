// What the command line sees of the process it runs in: streams, directory, environment, and how to get the library.
// Tests hand in streams of their own.
import type { Environment } from '../platform/environment.ts';
import type { Library } from './library.ts';
import type { OutputStream } from './output.ts';

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
