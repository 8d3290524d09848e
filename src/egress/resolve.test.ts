import { expect, test } from 'vitest';
import { Refusal } from './refusal.ts';
import { createResolver, vetAddresses } from './resolve.ts';

test.each([
  ['127.0.0.1'],
  ['10.0.0.1'],
  ['169.254.169.254'],
  ['100.64.0.1'],
  ['::1'],
  ['fe80::1'],
  ['::ffff:10.0.0.1'],
  ['64:ff9b::7f00:1'],
  ['198.18.0.1'],
  ['not an address'],
])('%s is not dialled', (address) => {
  expect(() => vetAddresses('h.example', [address], false)).toThrow(
    expect.objectContaining({ status: 403, rule: '<address>' }),
  );
});

test('a rule that says private allows private addresses, never a metadata service', () => {
  expect(vetAddresses('h.example', ['10.0.0.1'], true)).toEqual(['10.0.0.1']);
  expect(() => vetAddresses('h.example', ['169.254.169.254'], true)).toThrow(Refusal);
  expect(() => vetAddresses('h.example', ['not an address'], true)).toThrow(Refusal);
});

test('of many answers only the public ones are left, IPv4 first', () => {
  const answers = ['2606:4700::1', '10.0.0.1', '192.0.2.1'];
  expect(vetAddresses('h.example', answers, false)).toEqual(['192.0.2.1', '2606:4700::1']);
});

test('a name without an address, and one that cannot be resolved, are the upstream’s fault', async () => {
  const resolver = createResolver(
    (host) => (host === 'none.example' ? Promise.resolve([]) : Promise.reject(new Error('ENOTFOUND'))),
    () => 0,
  );
  await expect(resolver.resolve('none.example', false)).rejects.toMatchObject({ status: 502 });
  await expect(resolver.resolve('broken.example', false)).rejects.toMatchObject({ status: 502 });
});

test('a literal is vetted without asking anybody', async () => {
  const resolver = createResolver(
    () => Promise.reject(new Error('asked')),
    () => 0,
  );
  expect(await resolver.resolve('192.0.2.1', false)).toEqual(['192.0.2.1']);
  await expect(resolver.resolve('127.0.0.1', false)).rejects.toMatchObject({ rule: '<address>' });
});

test('a name is asked for once at a time and again when the answer is old', async () => {
  let asked = 0;
  let now = 0;
  const resolver = createResolver(
    () => {
      asked += 1;
      return Promise.resolve(['192.0.2.1']);
    },
    () => now,
  );
  await Promise.all([resolver.resolve('h.example', false), resolver.resolve('h.example', false)]);
  expect(asked).toBe(1);
  now = 60_000;
  await resolver.resolve('h.example', false);
  expect(asked).toBe(2);
});

test('a failure is not remembered, and at most two lookups run at a time', async () => {
  const releases: (() => void)[] = [];
  let running = 0;
  const resolver = createResolver(
    () =>
      new Promise((_, reject) => {
        running += 1;
        releases.push(() => {
          running -= 1;
          reject(new Error('no'));
        });
      }),
    () => 0,
  );
  const all = ['a', 'b', 'c', 'a'].map((host) => resolver.resolve(`${host}.example`, false).catch(() => 'failed'));
  await Promise.resolve();
  expect(running).toBe(2);
  while (releases.length > 0) {
    releases.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(running).toBeLessThanOrEqual(2);
  }
  expect(await Promise.all(all)).toEqual(['failed', 'failed', 'failed', 'failed']);
  const again = resolver.resolve('a.example', false).catch(() => 'failed');
  await new Promise((resolve) => setImmediate(resolve));
  expect(releases.length).toBe(1);
  releases.shift()?.();
  await again;
});
