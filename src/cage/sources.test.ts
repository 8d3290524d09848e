import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { refuseDataRootMount, refusePrivateProject, refuseWideProject } from './sources.ts';

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

test.each([
  ['/etc/nginx', true],
  ['/usr/src/linux', true],
  ['real/home/.ssh', true],
  ['real/home/.config/nvim', true],
  ['real/home/settings/ironcage', true],
  ['real/home/settings', true],
  ['real/home/shop', false],
  ['real/home/.dotfiles', false],
])('%s is kept from being mounted: %s', (path, isRefused) => {
  const project = path.startsWith('/') ? path : join(directory, path);
  const configFile = join(directory, 'link/home/settings/ironcage/config.toml');
  const mount = (): void => refusePrivateProject(project, { environment: context().environment, configFile });
  if (isRefused) expect(mount).toThrow(/cannot be mounted/);
  else mount();
});
