// The cage's authority as a Java trust store: Java reads no PEM. The format is the JDK's own JKS, which every JDK still reads
// (`sun.security.provider.JavaKeyStore`); a library for it would bring key handling and ASN.1 for one record.
import { createHash, X509Certificate } from 'node:crypto';

const MAGIC = 0xfeedfeed;
const VERSION = 2;
const TRUSTED_CERTIFICATE = 2;
/** What Java assumes where nobody says another; it guards nothing, since the store holds nothing secret. */
const PASSWORD = 'changeit';
/** The format's own salt. */
const SALT = 'Mighty Aphrodite';

/** A store with one trusted authority, `caPem`, entered at `nowMs`. */
export function javaTrustStore(caPem: string, nowMs: number): Buffer {
  const der = new X509Certificate(caPem).raw;
  const content = Buffer.concat([
    uint32(MAGIC),
    uint32(VERSION),
    uint32(1),
    uint32(TRUSTED_CERTIFICATE),
    shortText('ironcage'),
    uint64(nowMs),
    shortText('X.509'),
    uint32(der.length),
    der,
  ]);
  const digest = createHash('sha1')
    .update(Buffer.from(PASSWORD, 'utf16le').swap16())
    .update(SALT)
    .update(content)
    .digest();
  return Buffer.concat([content, digest]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Length in two bytes, then the text: ASCII reads the same in Java's modified UTF-8. */
function shortText(text: string): Buffer {
  const bytes = Buffer.alloc(2 + text.length);
  bytes.writeUInt16BE(text.length);
  bytes.write(text, 2, 'ascii');
  return bytes;
}
