import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit } from '../../test/support/repositories.ts';
import { copyObjects } from './copy-objects.ts';

let project: string;
let objects: string;
let room: string;
let target: string;

beforeEach(() => {
  project = createRepository({ 'a.txt': 'one\n' });
  objects = join(project, '.git/objects');
  room = temporaryDirectory();
  target = join(room, 'objects');
});
afterEach(() => {
  for (const directory of [project, room]) rmSync(directory, { recursive: true, force: true });
});

const taken = (): string[] => readdirSync(target, { recursive: true, encoding: 'utf8' }).sort();

test('loose objects and packs are copied, and git reads them', () => {
  userGit(project, 'repack', '-q', '-d');
  userGit(project, 'commit', '--quiet', '--allow-empty', '-m', 'loose');
  copyObjects(objects, target);
  const found = userGit(project, 'cat-file', '--batch-all-objects', '--batch-check');
  rmSync(objects, { recursive: true });
  execFileSync('cp', ['-r', target, objects]);
  expect(userGit(project, 'cat-file', '--batch-all-objects', '--batch-check')).toBe(found);
  expect(found).toContain('commit');
});

test('links, pipes and what git never wrote stay behind', () => {
  rmSync(objects, { recursive: true });
  const other = join(room, 'other');
  const [id, pack] = ['a'.repeat(38), `pack-${'b'.repeat(40)}`];
  for (const path of [join(objects, 'aa'), join(objects, 'pack'), join(objects, 'info'), other])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(other, id), 'secret');
  writeFileSync(join(objects, 'aa', id), 'an object');
  writeFileSync(join(objects, 'aa', 'note'), '');
  writeFileSync(join(objects, 'info/alternates'), `${other}\n`);
  writeFileSync(join(objects, `pack/${pack}.promisor`), '');
  symlinkSync(other, join(objects, 'bb'));
  symlinkSync(join(other, id), join(objects, 'aa', 'c'.repeat(38)));
  execFileSync('mkfifo', [join(objects, 'aa', 'd'.repeat(38)), join(objects, `pack/${pack}.pack`)]);
  copyObjects(objects, target);
  expect(taken()).toEqual(['aa', `aa/${id}`, 'pack']);
});

test('a file that claims more than it holds is refused, and not written out', () => {
  const pack = join(objects, `pack/pack-${'b'.repeat(40)}.pack`);
  writeFileSync(pack, 'PACK');
  truncateSync(pack, 2 ** 40);
  expect(() => copyObjects(objects, target)).toThrow(/claims to be larger/);
  expect(taken()).not.toContain(`pack/pack-${'b'.repeat(40)}.pack`);
});
