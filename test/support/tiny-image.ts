// An image that holds a shell, a few programs and what they are linked against, and nothing of ours or of a distribution’s.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/platform/processes.ts';
import { pathOfTests } from './engines.ts';

const PROGRAMS = ['/bin/sh', '/bin/cat', '/bin/ls'];

/** Imports it by an engine’s command line, which comes with the arguments that choose the engine. */
export async function importTinyImage(command: readonly [string, ...string[]], image: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-tiny-'));
  const tar = join(directory, 'root.tar');
  try {
    const libraries = (await must('ldd', PROGRAMS)).match(/\/[^ :\n]+\.so[^ :\n]*/g) ?? [];
    const files = [...new Set([...PROGRAMS, ...libraries])].map((path) => path.slice(1));
    await must('tar', ['-C', realpathSync('/'), '-chf', tar, ...files]);
    await must(command[0], [...command.slice(1), 'import', tar, image]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function must(program: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(program, args, { env: { PATH: pathOfTests() }, timeoutMs: 60_000 });
  if (exitCode !== 0) throw new Error(`${program} failed: ${stderr}`);
  return stdout.toString('utf8');
}
