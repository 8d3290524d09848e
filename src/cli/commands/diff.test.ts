import { expect, test } from 'vitest';
import { FILE, runCli } from '../../../test/support/cli-host.ts';

test('--stat ends with files and lines by language, and with --json they are in the document', async () => {
  const text = await runCli(['diff', 'shop', '--stat']);
  expect(text.stdout).toBe('text of stat\nTypeScript  1 file  +3  −1\n');
  const json = await runCli(['diff', 'shop', '--stat', '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({
    files: [FILE],
    languages: [{ language: 'TypeScript', files: 1, insertions: 3, deletions: 1 }],
  });
  expect((await runCli(['diff', 'shop', '--json'])).stdout).not.toContain('languages');
});
