// The head of an HTTP/1 request, from bytes that a cage wrote. Strict: one reading, or a refusal.
import { fieldValues, listMembers, parseFields, splitHead, type Field } from './fields.ts';
import { malformed } from './refusal.ts';

type RequestTarget =
  | { readonly form: 'origin'; readonly target: string }
  | {
      readonly form: 'absolute';
      readonly scheme: 'http' | 'https';
      readonly authority: string;
      readonly target: string;
    }
  | { readonly form: 'authority'; readonly authority: string };

export interface RequestHead {
  readonly method: string;
  readonly target: RequestTarget;
  readonly version: '1.0' | '1.1' | '2';
  /** HTTP/2 says so with the head; in HTTP/1 the framing fields do. */
  readonly isBodiless?: boolean;
  readonly fields: readonly Field[];
  /** Value of the one Host field; the target of a CONNECT that has none. */
  readonly host: string;
  /** Whether HTTP/2's extended CONNECT asks for a WebSocket (RFC 8441). */
  readonly isWebSocket?: boolean;
}

export interface HeadLimits {
  maxHeadBytes: number;
  maxHeaders: number;
}

const REQUEST_LINE = /^([A-Z][A-Z-]{0,31}) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const ABSOLUTE_TARGET = /^(https?):\/\/([^/?#]+)(.*)$/;

/** Parses the bytes up to and with the empty line. Throws a Refusal. */
export function parseRequestHead(bytes: Buffer, limits: HeadLimits): RequestHead {
  if (bytes.length > limits.maxHeadBytes) throw malformed('the request head is too large', 431);
  const lines = splitHead(bytes.toString('latin1'), malformed);
  const requestLine = REQUEST_LINE.exec(lines[0] ?? '');
  if (requestLine === null) throw requestLineRefusal(lines[0] ?? '');
  const [, method = '', target = '', minor] = requestLine;
  const fields = parseFields(lines, 1, limits.maxHeaders, malformed);
  const version = minor === '1' ? '1.1' : '1.0';
  const parsed = parseTarget(method, target);
  return { method, target: parsed, version, fields, host: oneHost(fields, parsed) };
}

function requestLineRefusal(line: string) {
  if (line === 'PRI * HTTP/2.0') return malformed('HTTP/2 is not spoken here', 505);
  if (/ HTTP\/\d+(\.\d+)?$/.test(line) && !/ HTTP\/1\.[01]$/.test(line)) {
    return malformed('only HTTP/1.0 and HTTP/1.1 are spoken here', 505);
  }
  return malformed('the request line is not METHOD SP TARGET SP HTTP/1.1');
}

function parseTarget(method: string, target: string): RequestTarget {
  if (method === 'CONNECT') {
    if (target.includes('/')) throw malformed('the target of CONNECT is not host:port');
    return { form: 'authority', authority: target };
  }
  if (target.startsWith('/')) return { form: 'origin', target };
  const absolute = ABSOLUTE_TARGET.exec(target);
  if (absolute === null) throw malformed('the request target is neither a path nor a URL');
  const [, scheme, authority = '', rest = ''] = absolute;
  return {
    form: 'absolute',
    scheme: scheme === 'https' ? 'https' : 'http',
    authority,
    target: rest.startsWith('/') ? rest : `/${rest}`,
  };
}

function oneHost(fields: readonly Field[], target: RequestTarget): string {
  const hosts = fieldValues(fields, 'host');
  // Python before 3.12, and with it pip, sends CONNECT without a Host: the target says the same.
  const host = hosts[0] ?? (target.form === 'authority' ? target.authority : undefined);
  if (host === undefined) throw malformed('the request has no Host header');
  if (hosts.length > 1) throw malformed('the request has more than one Host header');
  return host;
}

/** Whether the client asks to go on as a WebSocket. Refuses every upgrade that could smuggle another protocol past the judge. */
export function wantsWebSocket(head: RequestHead): boolean {
  if (head.version === '2') return head.isWebSocket === true;
  const upgrades = listMembers(head.fields, 'upgrade');
  if (fieldValues(head.fields, 'http2-settings').length > 0 || upgrades.some((name) => name.startsWith('h2'))) {
    throw malformed('an upgrade to HTTP/2 in clear text');
  }
  if (!upgrades.includes('websocket')) return false;
  if (upgrades.length > 1) throw malformed('a WebSocket handshake that offers other protocols as well');
  return listMembers(head.fields, 'connection').includes('upgrade');
}

/** Whether the client keeps the connection for a next request. */
export function clientKeepsAlive(head: RequestHead): boolean {
  return head.version === '1.1' && !listMembers(head.fields, 'connection').includes('close');
}

/** Whether the client waits for `100 Continue` before its body. */
export function expectsContinue(head: RequestHead): boolean {
  const expectations = fieldValues(head.fields, 'expect');
  if (expectations.length === 0) return false;
  if (expectations.length > 1 || expectations[0]?.toLowerCase() !== '100-continue') {
    throw malformed('an Expect header other than 100-continue', 417);
  }
  return head.version !== '1.0';
}
