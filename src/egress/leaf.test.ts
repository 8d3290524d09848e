import { X509Certificate } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../platform/clock.ts';
import { openCa } from './ca.ts';
import { createLeafContexts } from './leaf.ts';
import { createLeafMint } from './mint.ts';

const DAY_MS = 24 * 3_600_000;

function openTestCa() {
  return openCa(mkdtempSync(join(tmpdir(), 'ironcage-leaf-')), 'c', systemClock);
}

test('a leaf is for its one name, signed by the authority, and ends in a week', async () => {
  const ca = await openTestCa();
  const { mint } = await createLeafMint(ca);
  const leaf = new X509Certificate((await mint('h.example', false, Date.now())).certificatePem);
  expect(leaf.subjectAltName).toBe('DNS:h.example');
  expect(leaf.ca).toBe(false);
  expect(leaf.verify(new X509Certificate(ca.certificatePem).publicKey)).toBe(true);
  expect((Date.parse(leaf.validTo) - Date.now()) / DAY_MS).toBeCloseTo(7, 1);
});

test('a leaf for an address names it as one', async () => {
  const { mint } = await createLeafMint(await openTestCa());
  const version4 = new X509Certificate((await mint('192.0.2.1', true, Date.now())).certificatePem);
  const version6 = new X509Certificate((await mint('2001:db8::1', true, Date.now())).certificatePem);
  expect(version4.subjectAltName).toBe('IP Address:192.0.2.1');
  expect(version6.checkIP('2001:db8::1')).toBeDefined();
});

test('a name of 250 characters gets a leaf', async () => {
  const { mint } = await createLeafMint(await openTestCa());
  const name = `${Array.from({ length: 4 }, () => 'a'.repeat(60)).join('.')}.ex`;
  const leaf = new X509Certificate((await mint(name, false, Date.now())).certificatePem);
  expect(leaf.checkHost(name)).toBe(name);
});

test('no leaf outlives its authority', async () => {
  const ca = await openTestCa();
  const { mint } = await createLeafMint(ca);
  const leaf = await mint('h.example', false, Date.now() + 28 * DAY_MS);
  expect(leaf.notAfterMs).toBe(Date.parse(new X509Certificate(ca.certificatePem).validTo));
});

test('a context is made once per name, also when asked for twice at a time, and again when its leaf is about to end', async () => {
  let nowMs = Date.now();
  const contexts = createLeafContexts(await openTestCa(), { now: () => nowMs });
  const [first, second] = await Promise.all([contexts.contextFor('h.example'), contexts.contextFor('h.example')]);
  expect(second).toBe(first);
  expect(await contexts.contextFor('other.example')).not.toBe(first);
  nowMs += 6.5 * DAY_MS;
  expect(await contexts.contextFor('h.example')).not.toBe(first);
});

test('the context of a name that came in between five hundred others is forgotten', async () => {
  const contexts = createLeafContexts(await openTestCa(), systemClock);
  const first = await contexts.contextFor('first.example');
  for (let count = 0; count < 500; count += 1) await contexts.contextFor(`n${count}.example`);
  expect(await contexts.contextFor('first.example')).not.toBe(first);
});
