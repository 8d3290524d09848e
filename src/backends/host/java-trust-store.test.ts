import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mintCa } from '../../egress/mint.ts';
import { javaTrustStore } from './java-trust-store.ts';

test('the store begins as the format says and ends with a digest that depends on every byte', async () => {
  const { certificatePem } = await mintCa('store', Date.now());
  const one = javaTrustStore(certificatePem, 1);
  expect(one.subarray(0, 12).toString('hex')).toBe('feedfeed0000000200000001');
  expect(javaTrustStore(certificatePem, 2).subarray(-20)).not.toEqual(one.subarray(-20));
});

test.skipIf(!existsSync('/usr/bin/keytool'))('Java’s own tool reads it, and finds one trusted authority', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-jks-'));
  try {
    const { certificatePem } = await mintCa('store', Date.now());
    writeFileSync(join(directory, 'cacerts'), javaTrustStore(certificatePem, Date.now()));
    const argv = ['-list', '-keystore', join(directory, 'cacerts'), '-storepass', 'changeit'];
    const listed = execFileSync('keytool', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(listed).toMatch(/^ironcage, .*trustedCertEntry/m);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
