// Values of secrets inside a backup: encrypted under a passphrase (scrypt, then AES-256-GCM), with the one set of costs that this version
// writes. Nobody can make a reader spend more, and a changed byte is a refusal.
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { z } from 'zod';
import { IronError } from '../platform/errors.ts';
import { parseJson } from '../platform/json.ts';
import { refused } from './refusal.ts';

/** As RFC 7914 and OWASP have them for a file: 128 MiB and about half a second a guess. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const;
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
const LABEL = Buffer.from('ironcage-backup secrets 1');
const LEAST_PASSPHRASE_CHARACTERS = 12;
export const MAX_SEALED_BYTES = 16 * 1024 * 1024;

export interface CarriedSecret {
  name: string;
  hosts: readonly string[];
  slots: readonly ({ kind: 'header'; name: string } | { kind: 'bearer' } | { kind: 'basic-password' })[];
  value: string;
}

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);
const sealedSchema = z.strictObject({
  version: z.literal(1),
  kdf: z.literal('scrypt'),
  ...{ N: z.literal(COST.N), r: z.literal(COST.r), p: z.literal(COST.p) },
  cipher: z.literal('aes-256-gcm'),
  ...{ salt: base64, nonce: base64, tag: base64, data: base64 },
});
const carriedSchema = z.array(
  z.strictObject({
    name: z.string(),
    hosts: z.array(z.string()),
    slots: z.array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('header'), name: z.string() }),
        z.strictObject({ kind: z.literal('bearer') }),
        z.strictObject({ kind: z.literal('basic-password') }),
      ]),
    ),
    value: z.string(),
  }),
);

/** Throws E_USAGE for a passphrase that is too short to keep anything. */
export async function sealSecrets(secrets: readonly CarriedSecret[], passphrase: string): Promise<Buffer> {
  if (passphrase.length < LEAST_PASSPHRASE_CHARACTERS) {
    throw new IronError('E_USAGE', {
      message: `the passphrase is shorter than ${LEAST_PASSPHRASE_CHARACTERS} characters`,
      hint: 'whoever has the file can try as many as they like: take several words',
    });
  }
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, salt), nonce).setAAD(LABEL);
  const data = Buffer.concat([cipher.update(JSON.stringify(secrets), 'utf8'), cipher.final()]);
  const tag = cipher.getAuthTag();
  const sealed = { salt: encode(salt), nonce: encode(nonce), tag: encode(tag), data: encode(data) };
  return Buffer.from(JSON.stringify({ version: 1, kdf: 'scrypt', ...COST, cipher: 'aes-256-gcm', ...sealed }));
}

/** Throws E_REFUSED when the passphrase is not the one, or a byte was changed. */
export async function openSecrets(sealed: Buffer, passphrase: string): Promise<CarriedSecret[]> {
  const parsed = sealedSchema.safeParse(parseJson(sealed.toString('utf8')));
  if (!parsed.success) throw refused('its secrets are not written as ironcage writes them');
  const { salt, nonce, tag, data } = parsed.data;
  if (decode(nonce).length !== 12 || decode(tag).length !== 16) throw refused('its secrets are damaged');
  const key = await keyOf(passphrase, decode(salt));
  const options = { authTagLength: 16 };
  const decipher = createDecipheriv('aes-256-gcm', key, decode(nonce), options).setAAD(LABEL).setAuthTag(decode(tag));
  let text: string;
  try {
    text = Buffer.concat([decipher.update(decode(data)), decipher.final()]).toString('utf8');
  } catch {
    throw new IronError('E_REFUSED', {
      message: 'the secrets of the backup cannot be opened',
      because: 'the passphrase is another one, or they were changed',
      hint: 'try again, or leave them out with --without-secrets',
    });
  }
  const secrets = carriedSchema.safeParse(parseJson(text));
  // Without the parser's words, which quote what they are about.
  if (!secrets.success) throw refused('its secrets are not written as ironcage writes them');
  return secrets.data;
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64');
}

function decode(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

function keyOf(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, key: Buffer): void => (error === null ? resolve(key) : reject(error));
    scrypt(passphrase.normalize('NFC'), salt, 32, { ...COST, maxmem: MAX_MEMORY_BYTES }, done);
  });
}
