// Makes certificates. Apart from ca.ts and leaf.ts because its library takes longer to load than everything else here
// together: only who must mint imports this file, and lazily.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { randomBytes, webcrypto } from 'node:crypto';

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Clocks inside a virtual machine may lag behind the host's. */
const BACKDATED_MS = HOUR_MS;
const CA_VALID_MS = 30 * DAY_MS;
const LEAF_VALID_MS = 7 * DAY_MS;

export interface KeyAndCertificate {
  keyPem: string;
  certificatePem: string;
}

/** A new authority. Path length 0: it can sign leaves only. */
export async function mintCa(cage: string, nowMs: number): Promise<KeyAndCertificate> {
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: randomSerial(),
      name: [{ CN: [`ironcage ${cage}`.slice(0, 64)] }, { O: ['ironcage'] }],
      notBefore: new Date(nowMs - BACKDATED_MS),
      notAfter: new Date(nowMs + CA_VALID_MS),
      keys,
      signingAlgorithm: ECDSA_P256,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { keyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), certificatePem: certificate.toString('pem') };
}

interface Leaf {
  certificatePem: string;
  notAfterMs: number;
}

export interface LeafMint {
  /** The key that all leaves of this process share. */
  readonly keyPem: string;
  /** A certificate for one name or address literal, and the moment it ends. */
  readonly mint: (name: string, isAddress: boolean, nowMs: number) => Promise<Leaf>;
}

export async function createLeafMint(ca: KeyAndCertificate): Promise<LeafMint> {
  const issuer = new x509.X509Certificate(ca.certificatePem);
  const issuerKey = await webcrypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(ca.keyPem),
    ECDSA_P256,
    false,
    ['sign'],
  );
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify']);
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const extensions = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
  ];
  return {
    keyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    async mint(name, isAddress, nowMs) {
      // A leaf that outlived its authority would be trusted by nobody.
      const notAfterMs = Math.min(nowMs + LEAF_VALID_MS, issuer.notAfter.getTime());
      const certificate = await x509.X509CertificateGenerator.create(
        {
          serialNumber: randomSerial(),
          // The name stands in the alternative names alone: a common name may not be longer than 64 characters.
          subject: [{ CN: ['ironcage egress'] }],
          issuer: issuer.subjectName,
          notBefore: new Date(nowMs - BACKDATED_MS),
          notAfter: new Date(notAfterMs),
          publicKey: keys.publicKey,
          signingKey: issuerKey,
          signingAlgorithm: ECDSA_P256,
          extensions: [
            ...extensions,
            new x509.SubjectAlternativeNameExtension([{ type: isAddress ? 'ip' : 'dns', value: name }]),
          ],
        },
        webcrypto,
      );
      return { certificatePem: certificate.toString('pem'), notAfterMs };
    },
  };
}

/** 127 random bits: positive, and without a leading zero byte that would make it a negative or a padded number. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
