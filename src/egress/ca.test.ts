import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../platform/clock.ts';
import { openCa } from './ca.ts';

const DAY_MS = 24 * 3_600_000;

function freshDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'ironcage-ca-'));
}

test('an authority signs leaves only, and its key is for its owner', async () => {
  const directory = freshDirectory();
  const { certificatePem, keyPem } = await openCa(directory, 'my-cage', systemClock);
  const certificate = new X509Certificate(certificatePem);
  expect(certificate.ca).toBe(true);
  expect(certificate.subject).toContain('ironcage my-cage');
  const days = (Date.parse(certificate.validTo) - Date.now()) / DAY_MS;
  expect(days).toBeGreaterThan(29);
  expect(days).toBeLessThanOrEqual(30);
  expect(statSync(join(directory, 'ca-key.pem')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(directory, 'ca.pem'), 'utf8')).toBe(certificatePem);
  expect(certificatePem).not.toContain('PRIVATE');
  expect(keyPem).toContain('PRIVATE');
});

test('a stored authority is used again', async () => {
  const directory = freshDirectory();
  const first = await openCa(directory, 'c', systemClock);
  expect(await openCa(directory, 'c', systemClock)).toEqual(first);
});

test('two cages have two authorities', async () => {
  const [first, second] = await Promise.all([
    openCa(freshDirectory(), 'c', systemClock),
    openCa(freshDirectory(), 'c', systemClock),
  ]);
  expect(first.keyPem).not.toBe(second.keyPem);
  expect(new X509Certificate(first.certificatePem).serialNumber).not.toBe(
    new X509Certificate(second.certificatePem).serialNumber,
  );
});

test('an authority that ends within three days is replaced', async () => {
  const directory = freshDirectory();
  const first = await openCa(directory, 'c', systemClock);
  const soon = await openCa(directory, 'c', { now: () => Date.now() + 26 * DAY_MS });
  expect(soon).toEqual(first);
  const late = await openCa(directory, 'c', { now: () => Date.now() + 28 * DAY_MS });
  expect(late.certificatePem).not.toBe(first.certificatePem);
});

test.each([
  ['ca-key.pem', 'not a key'],
  ['ca.pem', 'not a certificate'],
  ['ca.pem', ''],
])('a broken %s is replaced', async (file, content) => {
  const directory = freshDirectory();
  const first = await openCa(directory, 'c', systemClock);
  writeFileSync(join(directory, file), content);
  const second = await openCa(directory, 'c', systemClock);
  expect(second.certificatePem).not.toBe(first.certificatePem);
  expect(await openCa(directory, 'c', systemClock)).toEqual(second);
});

test('a key that is not the certificate’s is replaced', async () => {
  const directory = freshDirectory();
  const first = await openCa(directory, 'c', systemClock);
  const other = await openCa(freshDirectory(), 'c', systemClock);
  writeFileSync(join(directory, 'ca-key.pem'), other.keyPem);
  expect((await openCa(directory, 'c', systemClock)).certificatePem).not.toBe(first.certificatePem);
});
