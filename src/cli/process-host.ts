// The real process as a Host: the only file of this room that touches `process` beyond main.ts.
import { hostEnvironment } from '../platform/environment.ts';
import { toIronError } from '../platform/errors.ts';
import type { CompiledCode } from './compiled-code.ts';
import { dispatch } from './dispatch.ts';
import type { Host } from './host.ts';
import { createOutput } from './output.ts';
import { storeCompiledCode } from './store-compiled-code.ts';

export async function runOnHost(argv: readonly string[], compiled?: CompiledCode): Promise<number> {
  if (compiled !== undefined) process.once('exit', () => storeCompiledCode(compiled));
  const host: Host = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    cwd: currentDirectory(),
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

/** A directory that was deleted under the shell has no path any more: its former one is what the user means, and it says so. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return hostEnvironment()['PWD'] ?? '/';
  }
}
