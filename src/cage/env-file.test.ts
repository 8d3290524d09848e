import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultEnvironment, readEnvFile } from './env-file.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'ironcage-env-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function environment() {
  return defaultEnvironment({ configFile: join(directory, 'config/config.toml') }, join(directory, 'project'));
}

function put(path: string, text: string): void {
  mkdirSync(join(directory, path, '..'), { recursive: true });
  writeFileSync(join(directory, path), text);
}

test('without files there are no variables', () => {
  expect(environment()).toEqual({ env: {}, files: [] });
});

test('the project’s file counts more than the user’s, and both are named', () => {
  put('config/env', 'A=user\nB=user\n# a comment\n');
  put('project/.cage.env', 'B="of the project"\nC=\n');
  expect(environment()).toEqual({
    env: { A: 'user', B: 'of the project', C: '' },
    files: [
      { path: join(directory, 'config/env'), names: ['A', 'B'] },
      { path: join(directory, 'project/.cage.env'), names: ['B', 'C'] },
    ],
  });
});

test('a project’s file that is a link leads nowhere; the user’s own may be one', () => {
  put('credentials', 'SECRET=value\n');
  mkdirSync(join(directory, 'config'));
  symlinkSync(join(directory, 'credentials'), join(directory, 'config/env'));
  expect(environment().env).toEqual({ SECRET: 'value' });
  mkdirSync(join(directory, 'project'));
  symlinkSync(join(directory, 'credentials'), join(directory, 'project/.cage.env'));
  expect(environment).toThrow('cannot be read');
});

test.each(['1A=x', 'A-B=x', 'A B=x'])('the line %s names no variable', (line) => {
  put('env', `${line}\n`);
  expect(() => readEnvFile(join(directory, 'env'))).toThrow('does not name an environment variable');
});
