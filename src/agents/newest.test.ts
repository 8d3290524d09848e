import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codex } from './codex.ts';
import { newestAgent } from './newest.ts';

test('npm is not asked from where settings of a project would choose the registry', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-newest-'));
  try {
    const note = join(directory, 'cwd');
    writeFileSync(join(directory, 'npm'), `#!/bin/sh\npwd >'${note}'\nexit 1\n`);
    chmodSync(join(directory, 'npm'), 0o755);
    const recipe = { kind: 'npm', package: '@openai/codex', platformPackages: {} } as const;
    await expect(newestAgent(codex.title, recipe, 'latest', { PATH: directory })).rejects.toThrow(/looked up/);
    expect(readFileSync(note, 'utf8')).toBe('/\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
