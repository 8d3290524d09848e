import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openContext, type Context } from './context.ts';
import { mergeDirs } from './wanted-dirs.ts';

let top: string;
let context: Context;
beforeAll(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'ironcage-dirs-')));
  for (const path of ['shop/src', 'lib/inner', 'My.Library', 'more/lib', 'home/.ssh', 'data/cages', 'mounted'])
    mkdirSync(join(top, path), { recursive: true });
  symlinkSync('shop/src', join(top, 'link'));
  const git = (...args: string[]): void => {
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
    execFileSync('git', ['-C', join(top, 'lib'), ...identity, ...args], { stdio: 'ignore' });
  };
  git('init');
  git('commit', '--allow-empty', '-m', 'first');
  git('worktree', 'add', join(top, 'tree'));
  context = openContext({ home: join(top, 'data'), environment: { HOME: join(top, 'home') }, cwd: join(top, 'shop') });
});
afterAll(() => rmSync(top, { recursive: true }));

async function merge(wanted: string[], present: string[] = [], name?: string): Promise<string[]> {
  const binds = [{ source: '/srv', target: join(top, 'mounted'), writable: false }];
  const dirs = await mergeDirs(
    context,
    { project: join(top, 'shop'), workspace: 'copy', binds },
    present.map((path) => ({ name: path.toLowerCase(), path: join(top, path) })),
    wanted.map((path) => ({ path, name })),
  );
  return dirs.map((dir) => `${dir.name} ${dir.path.slice(top.length + 1)}`);
}

test('a directory is named after itself, with a number where that is taken, and is there once', async () => {
  expect(await merge(['../lib', '../more/lib', '../lib'])).toEqual(['lib lib', 'lib-2 more/lib']);
  expect(await merge(['../My.Library'])).toEqual(['my-library My.Library']);
  expect(await merge(['../My.Library'], ['lib'], 'mine')).toEqual(['lib lib', 'mine My.Library']);
});

test.each([
  ['the project itself', '.', [], 'the cage has it already'],
  ['one in the project', 'src', [], 'it lies in'],
  ['a link into the project', '../link', [], 'it lies in'],
  ['one around the project', '..', [], 'no project'],
  ['one in another', '../lib/inner', ['lib'], 'it lies in'],
  ['one around another', '../lib', ['lib/inner'], 'lies in it'],
  ['a work tree whose repository lies in another', '../tree', ['lib'], 'it shares the repository'],
  ['one whose repository another is a work tree of', '../lib', ['tree'], 'it shares the repository'],
  ['one at the place of a mount', '../mounted', [], '--mount shows'],
  ['the home', '../home', [], 'no project'],
  ['ironcage’s own data', '../data/cages', [], 'no project'],
  ['a directory of the system', '/etc', [], 'no project'],
  ['what is not there', '../gone', [], 'there is no project'],
])('%s is refused', async (_what, path, present, says) => {
  const refusal = await merge([path], present).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'E_NO_PROJECT' });
  expect(String(refusal) + JSON.stringify(refusal)).toContain(says);
});

test.each(['../up', '.', 'A', 'a/b', ''])('%j is no name for a directory', async (name) => {
  await expect(merge(['../lib'], [], name)).rejects.toMatchObject({ code: 'E_NAME' });
});

test('a name belongs to one directory', async () => {
  await expect(merge(['../My.Library'], ['lib'], 'lib')).rejects.toMatchObject({ code: 'E_NAME' });
});

test('a mounted directory is never one with credentials', async () => {
  const place = { project: join(top, 'shop'), workspace: 'mount-ro' as const, binds: [] };
  await expect(mergeDirs(context, place, [], [{ path: '../home/.ssh' }])).rejects.toMatchObject({
    code: 'E_PROTECTION',
  });
});
