// The door of the program: argv in, exit code out. Answers `--version` before anything is loaded, so it must not
// import more than node builtins statically; everything else comes with process-host.ts.
import type { CompiledCode } from './compiled-code.ts';
import { readVersion } from '../platform/version.ts';

/** `compiled`: what is to be kept of the code that this call loads. Resolves with the exit code. */
export async function main(argv: readonly string[], compiled?: CompiledCode): Promise<number> {
  const only = argv.length === 1 ? argv[0] : undefined;
  if (only === '--version' || only === '-V' || only === 'version') {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const { runOnHost } = await import('./process-host.ts');
  return runOnHost(argv, compiled);
}
