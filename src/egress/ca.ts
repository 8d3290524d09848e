// The authority of one cage: made once, kept for its life, worth nothing elsewhere. The key never leaves its directory
// and this process; the certificate is all that the cage gets.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../platform/clock.ts';
import { makeDirectory, readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import type { KeyAndCertificate } from './mint.ts';

/** An authority that ends sooner is replaced at start. */
const MIN_REMAINING_MS = 3 * 24 * 3_600_000;

/** Loads the cage's authority, or makes a new one where it is missing, broken or about to end. */
export async function openCa(directory: string, cage: string, clock: Clock): Promise<KeyAndCertificate> {
  makeDirectory(directory);
  const keyPath = join(directory, 'ca-key.pem');
  const certificatePath = join(directory, 'ca.pem');
  const stored = loadCa(keyPath, certificatePath, clock.now());
  if (stored !== undefined) return stored;
  const { mintCa } = await import('./mint.ts');
  const made = await mintCa(cage, clock.now());
  writeFileAtomic(keyPath, made.keyPem);
  writeFileAtomic(certificatePath, made.certificatePem, { mode: 0o644 });
  return made;
}

function loadCa(keyPath: string, certificatePath: string, nowMs: number): KeyAndCertificate | undefined {
  try {
    const keyPem = readTextIfPresent(keyPath);
    const certificatePem = readTextIfPresent(certificatePath);
    if (keyPem === undefined || certificatePem === undefined) return undefined;
    const certificate = new X509Certificate(certificatePem);
    const key = createPrivateKey(keyPem);
    const remainingMs = Date.parse(certificate.validTo) - nowMs;
    if (!(remainingMs > MIN_REMAINING_MS) || Date.parse(certificate.validFrom) > nowMs) return undefined;
    if (!certificate.ca || !certificate.checkPrivateKey(key) || !certificate.verify(certificate.publicKey)) {
      return undefined;
    }
    chmodSync(keyPath, 0o600);
    return { keyPem, certificatePem };
  } catch {
    // Whatever is wrong with the stored pair, a new one replaces it: the cage is given its certificate at every start.
    return undefined;
  }
}
