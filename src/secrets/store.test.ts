import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IronError } from '../platform/errors.ts';
import { createPlaceholder, isPlaceholder } from './placeholders.ts';
import { listSecrets, readSecretValue, removeSecret, setSecret } from './store.ts';

const clock = { now: () => Date.UTC(2026, 0, 2) };
const place = { hosts: ['api.example.com'], slots: [{ kind: 'bearer' }] } as const;
const value = 'sk-very-secret-value';

let root: string;
let directory: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-secrets-'));
  directory = join(root, 'secrets');
});
afterEach(() => rmSync(root, { recursive: true }));

test('a stored secret is listed without its value and read back with it', async () => {
  await setSecret(directory, 'API_KEY', value, place, clock);
  const listed = await listSecrets(directory);
  expect(listed).toEqual([{ name: 'API_KEY', cage: undefined, ...place, createdAt: '2026-01-02T00:00:00.000Z' }]);
  expect((await readSecretValue(directory, 'API_KEY'))?.reveal()).toBe(value);
});

test('the store can be read by its owner only and leaves no other file behind', async () => {
  await setSecret(directory, 'API_KEY', value, place, clock);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(readdirSync(directory)).toEqual(['global.json', 'global.json.seal']);
  expect(statSync(join(directory, 'global.json')).mode & 0o777).toBe(0o600);
});

test('an empty store has no secrets and is not made by looking', async () => {
  expect(await listSecrets(directory, 'demo')).toEqual([]);
  expect(await readSecretValue(directory, 'API_KEY')).toBeUndefined();
  expect(readdirSync(root)).toEqual([]);
});

test('a cage sees the global secrets and its own before them', async () => {
  await setSecret(directory, 'A', 'global-a-value', place, clock);
  await setSecret(directory, 'B', 'global-b-value', place, clock);
  await setSecret(directory, 'B', 'demo-b-value', { ...place, cage: 'demo' }, clock);
  expect((await listSecrets(directory, 'demo')).map(({ name, cage }) => [name, cage])).toEqual([
    ['A', undefined],
    ['B', 'demo'],
  ]);
  expect((await readSecretValue(directory, 'B', 'demo'))?.reveal()).toBe('demo-b-value');
  expect((await readSecretValue(directory, 'B', 'other'))?.reveal()).toBe('global-b-value');
  expect((await readSecretValue(directory, 'B'))?.reveal()).toBe('global-b-value');
});

test('a removed secret is gone from its scope and from the file', async () => {
  await setSecret(directory, 'A', value, place, clock);
  await setSecret(directory, 'A', 'demo-a-value', { ...place, cage: 'demo' }, clock);
  await removeSecret(directory, 'A');
  expect(readFileSync(join(directory, 'global.json'), 'utf8')).not.toContain(value);
  expect((await readSecretValue(directory, 'A', 'demo'))?.reveal()).toBe('demo-a-value');
  await expect(removeSecret(directory, 'A')).rejects.toMatchObject({ code: 'E_NO_SECRET' });
});

test('changes at the same time are all kept', async () => {
  const names = Array.from({ length: 8 }, (_, index) => `KEY_${index}`);
  await Promise.all(names.map((name) => setSecret(directory, name, value, place, clock)));
  expect((await listSecrets(directory)).map((secret) => secret.name)).toEqual(names);
});

test.each(['', 'a', 'api_key', '1A', 'A-B', 'A'.repeat(65), '__proto__', 'A\n', value])(
  'the name %j is refused without being quoted',
  async (name) => {
    const error: unknown = await setSecret(directory, name, value, place, clock).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'E_USAGE' });
    expect(JSON.stringify(error)).not.toContain(value);
  },
);

test.each([
  ['empty', ''],
  ['short', '1234567'],
  ['of two lines', 'line one\nline two'],
  ['with a carriage return', 'value-value\r'],
  ['with a NUL', 'value-value\0'],
  ['too long', 'x'.repeat(64 * 1024 + 1)],
])('a value that is %s is refused', async (_, text) => {
  await expect(setSecret(directory, 'A', text, place, clock)).rejects.toMatchObject({ code: 'E_USAGE' });
});

test.each([8, 64 * 1024])('a value of %i bytes is taken', async (length) => {
  await setSecret(directory, 'A', 'x'.repeat(length), place, clock);
  expect((await readSecretValue(directory, 'A'))?.reveal().length).toBe(length);
});

test.each(['*.example.com', 'https://example.com', 'example.com:443', '', 'a b'])(
  'a secret cannot be bound to the host %j',
  async (host) => {
    await expect(setSecret(directory, 'A', value, { ...place, hosts: [host] }, clock)).rejects.toMatchObject({
      code: 'E_USAGE',
    });
  },
);

test('hosts are kept in canonical form', async () => {
  await setSecret(directory, 'A', value, { ...place, hosts: ['API.Example.com.'] }, clock);
  expect((await listSecrets(directory))[0]?.hosts).toEqual(['api.example.com']);
});

test.each(['X-Api-Key', '', 'a b', 'a\r\nb'])('the header slot %j is refused', async (name) => {
  const slots = [{ kind: 'header', name }] as const;
  await expect(setSecret(directory, 'A', value, { ...place, slots }, clock)).rejects.toMatchObject({ code: 'E_USAGE' });
});

test.each(['..', '.', '', 'a/b', '../x', 'a\0', '-a'])('the cage name %j does not become a path', async (cage) => {
  await expect(setSecret(directory, 'A', value, { ...place, cage }, clock)).rejects.toMatchObject({ code: 'E_NAME' });
});

test.each(['{', '[]', '{"version":2,"secrets":{}}', '{"version":1,"secrets":{"A":{"value":"sk-very-secret-value"}}}'])(
  'a broken store names its path and quotes nothing: %s',
  async (text) => {
    await setSecret(directory, 'A', value, place, clock);
    const path = join(directory, 'global.json');
    writeFileSync(path, text);
    const error: unknown = await listSecrets(directory).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'E_STATE_BROKEN', details: { path } });
    expect(inspect(error, { depth: 5 })).not.toContain(value);
    await expect(setSecret(directory, 'B', value, place, clock)).rejects.toMatchObject({ code: 'E_STATE_BROKEN' });
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);

test.each([
  ['directory', 0o750],
  ['directory', 0o701],
  ['file', 0o640],
] as const)('a %s of mode %o is refused', async (kind, mode) => {
  await setSecret(directory, 'A', value, place, clock);
  chmodSync(kind === 'directory' ? directory : join(directory, 'global.json'), mode);
  await expect(readSecretValue(directory, 'A')).rejects.toMatchObject({ code: 'E_PROTECTION' });
  await expect(setSecret(directory, 'B', value, place, clock)).rejects.toBeInstanceOf(IronError);
});

test('a value in memory cannot be printed by accident', async () => {
  await setSecret(directory, 'A', value, place, clock);
  const secret = await readSecretValue(directory, 'A');
  const printed = [String(secret), JSON.stringify({ secret }), inspect({ secret }, { showHidden: true, depth: 9 })];
  for (const text of printed) {
    expect(text).toContain('[secret A]');
    expect(text).not.toContain(value);
  }
});

test('placeholders keep their prefix, are recognised and never repeat', () => {
  const made = Array.from({ length: 100 }, () => createPlaceholder('sk-ant-api03-ironcage-'));
  expect(new Set(made).size).toBe(100);
  expect(made.every((text) => /^sk-ant-api03-ironcage-[0-9a-f]{32}$/.test(text) && isPlaceholder(text))).toBe(true);
  expect(isPlaceholder('sk-ant-api03-real')).toBe(false);
});

test.each(['a b', 'é', 'a\n', 'x'.repeat(65)])('a placeholder cannot begin with %j', (prefix) => {
  expect(() => createPlaceholder(prefix)).toThrow(IronError);
});
