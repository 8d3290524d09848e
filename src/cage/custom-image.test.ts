import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readCustom } from './custom-image.ts';

const directory = mkdtempSync(join(tmpdir(), 'ironcage-custom-'));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, 'Dockerfile');
const read = (text: string, packages: readonly string[] = []) => {
  writeFileSync(path, text);
  return readCustom(path, { packages, toolchains: [] });
};

test('packages go below a Dockerfile that stands on ours', () => {
  expect(read('ARG PARENT\nFROM ${PARENT}\n', ['jq'])).toMatchObject({ path, usesParent: true, images: [] });
});

test('packages that a Dockerfile would pass over are refused', () => {
  expect(() => read('FROM debian\n', ['jq'])).toThrow(
    expect.objectContaining({ code: 'E_USAGE', hint: expect.stringContaining('FROM ${PARENT}') }),
  );
  expect(read('FROM debian\n')).toMatchObject({ usesParent: false, images: ['debian'] });
});
