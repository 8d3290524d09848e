import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openContext, type Context } from './context.ts';
import { ensureHomeProfile, readHomeProfile, shareProfilePlaceholders } from './home-profile.ts';
import { listHomeProfiles, removeHomeProfile } from './home-profiles.ts';
import type { SpecBinding } from './spec.ts';

let directory: string;
let context: Context;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-profile-'));
  context = openContext({ home: join(directory, 'data'), environment: { HOME: directory }, cwd: directory });
});
afterEach(() => rmSync(directory, { recursive: true }));

const profiles = (...path: string[]): string => join(context.dataRoot, 'profiles', ...path);
const binding = (name: string, placeholder: string): SpecBinding => ({
  ...{ name, placeholder: placeholder.repeat(40), env: name },
  ...{ hosts: ['api.test'], slots: [{ kind: 'bearer' }] },
});

test('a profile is made once, with the seed of the user’s homes, and is the same for who comes next', async () => {
  const seed = join(dirname(context.configFile), 'home');
  mkdirSync(seed, { recursive: true });
  writeFileSync(join(seed, '.rc'), 'seeded');
  const first = await ensureHomeProfile(context, 'work');
  expect(readFileSync(profiles('work/home/.rc'), 'utf8')).toBe('seeded');
  writeFileSync(profiles('work/home/.rc'), 'changed');
  expect(await ensureHomeProfile(context, 'work')).toEqual(first);
  expect(readFileSync(profiles('work/home/.rc'), 'utf8')).toBe('changed');
  expect(first.slot === undefined).toBe(process.getuid?.() !== 0);
});

test('what a crash left of a profile in the making is swept by the next', async () => {
  await ensureHomeProfile(context, 'work');
  mkdirSync(profiles('.new-0123'));
  await ensureHomeProfile(context, 'other');
  expect(readdirSync(profiles()).sort()).toEqual(['other', 'work']);
});

test('the first placeholder of a secret is that of all cages of the profile', async () => {
  await ensureHomeProfile(context, 'work');
  expect(await shareProfilePlaceholders(context, 'work', [binding('KEY', 'a')])).toEqual([binding('KEY', 'a')]);
  expect(await shareProfilePlaceholders(context, 'work', [binding('KEY', 'b'), binding('TOKEN', 'c')])).toEqual([
    binding('KEY', 'a'),
    binding('TOKEN', 'c'),
  ]);
  expect(await shareProfilePlaceholders(context, 'work', [binding('TOKEN', 'd')])).toEqual([binding('TOKEN', 'c')]);
});

test.each([
  ['no JSON', '{'],
  ['another name', JSON.stringify({ version: 1, name: 'other', createdAt: '', placeholders: {} })],
  ['an unknown key', JSON.stringify({ version: 1, name: 'work', createdAt: '', placeholders: {}, more: 1 })],
])('a record with %s is an error, and its home stays', async (_what, text) => {
  await ensureHomeProfile(context, 'work');
  writeFileSync(profiles('work/profile.json'), text);
  await expect(ensureHomeProfile(context, 'work')).rejects.toMatchObject({ code: 'E_SPEC_BROKEN' });
  expect(await listHomeProfiles(context)).toMatchObject([{ name: 'work', createdAt: '' }]);
  expect(existsSync(profiles('work/home'))).toBe(true);
});

test('a home without its record is not taken for a new one', async () => {
  await ensureHomeProfile(context, 'work');
  rmSync(profiles('work/profile.json'));
  await expect(ensureHomeProfile(context, 'work')).rejects.toMatchObject({ code: 'E_SPEC_BROKEN' });
  expect(existsSync(profiles('work/home'))).toBe(true);
});

test('a profile of root’s is refused to others, and theirs to root', async () => {
  const { slot, ...profile } = await ensureHomeProfile(context, 'work');
  const record = slot === undefined ? { ...profile, slot: 7 } : profile;
  writeFileSync(profiles('work/profile.json'), JSON.stringify(record));
  expect(() => readHomeProfile(context, 'work')).toThrow(expect.objectContaining({ code: 'E_PROTECTION' }));
});

test('a profile is removed by its name, unless a cage shares it or may', async () => {
  await ensureHomeProfile(context, 'work');
  await ensureHomeProfile(context, 'other');
  mkdirSync(join(context.dataRoot, 'cages/half-made'), { recursive: true });
  await expect(removeHomeProfile(context, 'work')).rejects.toMatchObject({
    code: 'E_LOCKED',
    details: { cages: ['half-made'] },
  });
  rmSync(join(context.dataRoot, 'cages/half-made'), { recursive: true });
  await removeHomeProfile(context, 'work');
  expect((await listHomeProfiles(context)).map(({ name }) => name)).toEqual(['other']);
  await expect(removeHomeProfile(context, 'work')).rejects.toMatchObject({ code: 'E_USAGE' });
  await expect(removeHomeProfile(context, '../other')).rejects.toMatchObject({ code: 'E_NAME' });
});
