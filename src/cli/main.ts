// The door of the program: argv in, exit code out. Answers `--version` before anything is loaded, so it must not
// import more than node builtins statically; everything else comes with process-host.ts.
import { readVersion } from '../platform/version.ts';

export async function main(argv: readonly string[]): Promise<number> {
  const only = argv.length === 1 ? argv[0] : undefined;
  if (only === '--version' || only === '-V' || only === 'version') {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const { runOnHost } = await import('./process-host.ts');
  return runOnHost(argv);
}
