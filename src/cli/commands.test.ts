import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runCli } from '../../test/support/cli-host.ts';
import type { Command } from './command.ts';
import { COMMANDS, loadAllCommands } from './commands.ts';
import { dispatch } from './dispatch.ts';
import { sentence, usageOf } from './parse.ts';
import { renderReference } from './reference.ts';

const loaded = await loadAllCommands();
const all: Command[] = loaded.flatMap((entry) => (entry.kind === 'group' ? entry.commands : [entry]));

test('the table names every command as the command names itself', () => {
  expect([...COMMANDS].map(([name, { summary }]) => [name, summary])).toEqual(
    loaded.map(({ name, summary }) => [name, summary]),
  );
});

test('the commands there are', () => {
  expect([...COMMANDS.keys()].sort()).toEqual(
    'acp add-dir agents apply approve audit backup build compare completion create diagnose diff doctor evidence exec exists export fleet fork har inbox launch list logs mcp outbox patch policy ports profiles prune remove-dir restart restore review rewind rm run runs salvage secret shell show snapshot start stop stop-run sync upgrade verify version'.split(
      ' ',
    ),
  );
});

test.each(all.map((command) => [command.name, command] as const))(
  'the help of %s shows its summary, its options and an example',
  async (name, command) => {
    const result = await runCli([...name.split(' '), '--help']);
    expect(result.exitCode).toBe(0);
    expect(result.calls).toEqual([]);
    expect(result.stdout).toContain(`Usage: ${usageOf(command)}`);
    expect(result.stdout).toContain(sentence(command.summary));
    expect(result.stdout).toMatch(/\nExamples?:\n {2}\S/);
    for (const option of [
      ...command.options.map((spec) => spec.name),
      'json',
      'home',
      'quiet',
      'verbose',
      'no-color',
    ]) {
      expect(result.stdout).toContain(`--${option}`);
    }
  },
);

test.each(all.flatMap((command) => command.examples.map((example) => [example.line, command] as const)))(
  'the example %s calls its own command',
  (line, command) => {
    expect(line).toContain(`ironcage ${command.name}`);
  },
);

test.each(loaded.filter(({ kind }) => kind === 'group').map(({ name }) => name))(
  'the help of %s lists its commands',
  async (name) => {
    const result = await runCli([name, '--help']);
    expect(result.exitCode).toBe(0);
    for (const command of all.filter((candidate) => candidate.name.startsWith(`${name} `))) {
      expect(result.stdout).toContain(command.summary);
      expect(result.stdout).toContain(command.examples[0].line);
    }
  },
);

test('what starts the program imports nothing that costs time', () => {
  expect(staticImports('main.ts')).toEqual(['../platform/version.ts']);
  expect(staticImports('../platform/version.ts')).toEqual(['node:fs', 'node:path', './package-root.ts']);
  expect(staticImports('../platform/package-root.ts')).toEqual(['node:url']);
});

test('no file of the command line imports the library or a command statically', () => {
  for (const file of [
    'process-host.ts',
    'host.ts',
    'dispatch.ts',
    'commands.ts',
    'command.ts',
    'parse.ts',
    'library.ts',
  ]) {
    expect(staticImports(file).filter((path) => path.includes('index.ts') || path.includes('/commands/'))).toEqual([]);
  }
});

test('a mistake in the command line does not load the library', async () => {
  const failing = {
    loadLibrary: () => Promise.reject(new Error('the library was loaded')),
    cwd: '/',
    environment: {},
    stdin: process.stdin,
    stdout: process.stdout,
  };
  const lines: string[] = [];
  const { PassThrough } = await import('node:stream');
  const stderr = new PassThrough().on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  expect(await dispatch(['run', 'claude', '--nonsense'], { ...failing, stderr })).toBe(2);
});

test('docs/cli.md is what the commands say; node scripts/generate-docs.mjs writes it', () => {
  const written = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  expect(written).toBe(renderReference(loaded));
});

/** Value imports only: a type import is gone when the program runs. */
function staticImports(file: string): string[] {
  const source = readFileSync(new URL(file, import.meta.url), 'utf8');
  return [...source.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gms)].map((match) => match[1] ?? '');
}
