// Reads the server name out of a TLS ClientHello before any TLS library sees it. The bytes are the cage's: every length is
// checked against what is there. Only the outer hello counts: browsers send an encrypted one beside it always, but where TLS
// is taken off here its inside is never read, and the name that a rule is asked about is the outer one.

export type HelloResult =
  | { readonly state: 'incomplete' }
  | { readonly state: 'invalid'; readonly reason: string }
  /** `serverName` as sent; undefined where there is none. */
  | { readonly state: 'complete'; readonly serverName: string | undefined };

/** Bytes after which a hello that is still incomplete is refused. */
export const MAX_HELLO_BYTES = 64 * 1024;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME_EXTENSION = 0;
const MAX_RECORD_BYTES = 16_384;

export function parseClientHello(bytes: Buffer): HelloResult {
  const message = collectHandshake(bytes);
  if (!Buffer.isBuffer(message)) return message;
  try {
    return { state: 'complete', serverName: readServerName(message) };
  } catch (error) {
    if (error instanceof RangeError) return { state: 'invalid', reason: error.message };
    throw error;
  }
}

/** Joins the records that the first handshake message is spread over; gives its body. */
function collectHandshake(bytes: Buffer): Buffer | HelloResult {
  const fragments: Buffer[] = [];
  let collected = 0;
  let at = 0;
  for (;;) {
    if (bytes.length < at + 5) return incompleteOrHuge(bytes);
    if (bytes[at] !== HANDSHAKE_RECORD || bytes[at + 1] !== 3) return invalid('not a TLS handshake record');
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD_BYTES) return invalid('a TLS record of an impossible length');
    const fragment = bytes.subarray(at + 5, at + 5 + length);
    fragments.push(fragment);
    collected += fragment.length;
    if (collected >= 4) {
      const start = fragments.length === 1 ? fragment : Buffer.concat(fragments);
      if (start[0] !== CLIENT_HELLO) return invalid('the first TLS message is not a ClientHello');
      const size = start.readUIntBE(1, 3);
      if (size > MAX_HELLO_BYTES) return invalid('a ClientHello that is too large');
      if (collected >= size + 4) return start.subarray(4, size + 4);
    }
    if (fragment.length < length) return incompleteOrHuge(bytes);
    at += 5 + length;
  }
}

function incompleteOrHuge(bytes: Buffer): HelloResult {
  return bytes.length > MAX_HELLO_BYTES ? invalid('a ClientHello that is too large') : { state: 'incomplete' };
}

function invalid(reason: string): HelloResult {
  return { state: 'invalid', reason };
}

/** Throws a RangeError wherever a length lies. */
function readServerName(hello: Buffer): string | undefined {
  const cursor = createCursor(hello);
  cursor.skip(2 + 32);
  cursor.take(cursor.number(1));
  cursor.take(cursor.number(2));
  cursor.take(cursor.number(1));
  if (cursor.atEnd()) return undefined;
  const extensions = createCursor(cursor.take(cursor.number(2)));
  if (!cursor.atEnd()) throw new RangeError('bytes behind the extensions of a ClientHello');
  let name: string | undefined;
  let seen = false;
  while (!extensions.atEnd()) {
    const type = extensions.number(2);
    const body = extensions.take(extensions.number(2));
    if (type !== SERVER_NAME_EXTENSION) continue;
    if (seen) throw new RangeError('two server names in a ClientHello');
    seen = true;
    name = readNameList(body);
  }
  return name;
}

function readNameList(body: Buffer): string {
  const outer = createCursor(body);
  const list = createCursor(outer.take(outer.number(2)));
  if (!outer.atEnd()) throw new RangeError('bytes behind the server name list');
  const type = list.number(1);
  const name = list.take(list.number(2));
  if (type !== 0 || !list.atEnd() || name.length === 0) throw new RangeError('a server name list of an unknown form');
  // RFC 6066: names are A-labels. Other bytes would be read in one way here and in another one elsewhere.
  if (name.some((byte) => byte < 0x21 || byte > 0x7e)) throw new RangeError('a server name that is not plain ASCII');
  return name.toString('latin1');
}

function createCursor(bytes: Buffer) {
  let at = 0;
  function take(length: number): Buffer {
    if (at + length > bytes.length) throw new RangeError('a length in a ClientHello that points behind its end');
    at += length;
    return bytes.subarray(at - length, at);
  }
  return {
    atEnd: () => at === bytes.length,
    take,
    skip: (length: number) => void take(length),
    number: (width: number) => take(width).readUIntBE(0, width),
  };
}
