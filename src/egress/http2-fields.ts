// Header fields between HTTP/2 and the form that the rest of the egress works with. The library below checks frames and
// pseudo-headers; what it lets through and HTTP/1 would not is refused here, so that both are judged alike.
import { constants, type Http2Stream } from 'node:http2';
import { isPlainField, type Fault, type Field } from './fields.ts';

export interface Http2Head {
  /** Pseudo-headers by name with their colon, each once. */
  readonly pseudo: ReadonlyMap<string, string>;
  readonly fields: readonly Field[];
}

/** Fields that speak about one connection: their mere presence makes a message malformed (RFC 9113, section 8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** `raw`: names and values in turns, as they came. Throws a fault. */
export function readHttp2Head(raw: readonly string[], maxHeaders: number, fault: Fault): Http2Head {
  if (raw.length / 2 > maxHeaders) throw fault(`more than ${maxHeaders} header fields`, 431);
  const pseudo = new Map<string, string>();
  const fields: Field[] = [];
  const cookies: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    if (name.startsWith(':')) {
      if (fields.length > 0 || pseudo.has(name)) throw fault('a pseudo-header out of its place');
      pseudo.set(name, value);
    } else if (!isPlainField(name, value) || name !== name.toLowerCase()) {
      throw fault('a header field with characters that may not be in one');
    } else if (CONNECTION_FIELDS.has(name)) {
      throw fault(`the header field ${name} in HTTP/2`);
    } else if (name === 'cookie') {
      cookies.push(value);
    } else {
      fields.push({ name, spelled: name, value });
    }
  }
  // HTTP/2 may cut the one Cookie field into crumbs; everybody else expects it whole (RFC 9113, section 8.2.3).
  if (cookies.length > 0) fields.push({ name: 'cookie', spelled: 'cookie', value: cookies.join('; ') });
  return { pseudo, fields };
}

/** Fields that the library throws at when they come twice; many servers send some of them so. */
const ONCE_ONLY: ReadonlySet<string> = new Set([
  ...['access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'age'],
  ...['authorization', 'content-encoding', 'content-language', 'content-length', 'content-location', 'content-md5'],
  ...['content-range', 'content-type', 'date', 'dnt', 'etag', 'expires', 'from', 'host', 'if-match'],
  ...['if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'last-modified', 'location'],
  ...['max-forwards', 'proxy-authorization', 'range', 'referer', 'retry-after', 'tk', 'upgrade-insecure-requests'],
  ...['user-agent', 'x-content-type-options'],
]);

/** Fields as the library takes them: values of one name together, as a list where there may be only one. */
export function writeHttp2Fields(fields: readonly Field[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const { name, value } of fields) {
    const present = headers[name];
    if (present === undefined) headers[name] = value;
    else if (Array.isArray(present)) present.push(value);
    else if (!ONCE_ONLY.has(name)) headers[name] = [present, value];
    else if (present !== value) headers[name] = `${present}, ${value}`;
  }
  return headers;
}

/**
 * Sends trailers from where the library asks for them. What it throws there nobody could catch: a stream whose trailers
 * cannot be sent ends as broken.
 */
export function sendHttp2Trailers(stream: Http2Stream, fields: readonly Field[]): void {
  try {
    stream.sendTrailers(writeHttp2Fields(fields));
  } catch {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/** Trailers; pseudo-headers have no place there. */
export function readHttp2Trailers(raw: readonly string[], maxHeaders: number, fault: Fault): readonly Field[] {
  const { pseudo, fields } = readHttp2Head(raw, maxHeaders, fault);
  if (pseudo.size > 0) throw fault('a pseudo-header among the trailers');
  return fields;
}
