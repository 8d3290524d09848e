import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { refuseDataRootMount, refuseWideProject } from './sources.ts';

let directory: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'ironcage-sources-')));
  for (const path of ['real/home/shop', 'real/data/secrets']) mkdirSync(join(directory, path), { recursive: true });
  symlinkSync('real', join(directory, 'link'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const context = (): { dataRoot: string; environment: { HOME: string } } => ({
  dataRoot: join(directory, 'link/data'),
  environment: { HOME: join(directory, 'link/home') },
});

test.each(['real/home', 'real', '.', 'real/data', 'real/data/secrets'])('%s is no project', (path) => {
  expect(() => refuseWideProject(join(directory, path), context())).toThrow(/is no project/);
});

test('a directory of the home is a project, also while the data root is not there yet', () => {
  const project = join(directory, 'real/home/shop');
  refuseWideProject(project, context());
  refuseWideProject(project, { ...context(), dataRoot: join(directory, 'link/home/.local/share/ironcage') });
});

test('a directory that the data root is going to lie in is no project either', () => {
  const dataRoot = join(directory, 'link/home/shop/not/there/yet');
  expect(() => refuseWideProject(join(directory, 'real/home/shop'), { ...context(), dataRoot })).toThrow(/no project/);
});

test.each([
  ['link', true],
  ['real/data', true],
  ['real/data/secrets', true],
  ['real/home', false],
])('a mount of %s is refused: %s', (path, isRefused) => {
  const bind = { source: join(directory, path), target: '/data', writable: false };
  const mount = (): void => refuseDataRootMount({ binds: [bind] }, context());
  if (isRefused) expect(mount).toThrow(/own data/);
  else mount();
});
