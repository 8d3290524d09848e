// The opening handshake of RFC 6455, checked on both sides and written anew for the upstream: a key of our own shows that
// the upstream's 101 answers our handshake and nothing else.
import { createHash, randomBytes } from 'node:crypto';
import { fieldValues, listMembers, type Field } from './fields.ts';
import type { Framing } from './framing.ts';
import { malformed, upstreamFailure } from './refusal.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import { acceptedExtensions, agreedExtensions, offeredExtensions, type Deflate } from './websocket-extensions.ts';

/** RFC 6455, section 1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Throws a Refusal (400) unless this is exactly one handshake of version 13. */
export function checkHandshake(head: RequestHead, framing: Framing): void {
  if (head.method !== 'GET' || head.version !== '1.1') throw malformed('a WebSocket handshake is a GET of HTTP/1.1');
  if (framing.kind !== 'none') throw malformed('a WebSocket handshake with a body');
  checkVersion(head);
  const keys = fieldValues(head.fields, 'sec-websocket-key');
  if (keys.length !== 1 || !/^[A-Za-z0-9+/]{22}==$/.test(keys[0] ?? '')) {
    throw malformed('a Sec-WebSocket-Key that is not 16 bytes of base64');
  }
}

/**
 * The same for an extended CONNECT over HTTP/2 (RFC 8441), where there is neither a key nor an accept: the stream is the
 * proof. That its pseudo-headers ask for a WebSocket has been checked.
 */
export function checkExtendedConnect(head: RequestHead): void {
  checkVersion(head);
}

function checkVersion(head: RequestHead): void {
  const versions = fieldValues(head.fields, 'sec-websocket-version');
  if (versions.length !== 1 || versions[0] !== '13') throw malformed('a WebSocket version other than 13');
}

/** Belong to one side's own handshake. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-accept',
  'sec-websocket-extensions',
]);

/** The client's fields without those that belong to its own handshake, and with its offer of extensions as it is passed on. */
export function handshakeFields(fields: readonly Field[]): Field[] {
  const offer = offeredExtensions(fields);
  const rest = fields.filter(({ name }) => !OWN_FIELDS.has(name));
  return offer === undefined ? rest : [...rest, offer];
}

/** The upstream's fields without those that belong to its own handshake, and with what was agreed on. */
export function agreedFields(fields: readonly Field[], extensions: Deflate | undefined): Field[] {
  const rest = fields.filter(({ name }) => !OWN_FIELDS.has(name));
  return extensions === undefined ? rest : [...rest, agreedExtensions(extensions)];
}

export interface OwnHandshake {
  readonly key: string;
  readonly fields: readonly Field[];
}

/** The fields that make a request ours to the upstream. */
export function createHandshake(): OwnHandshake {
  const key = randomBytes(16).toString('base64');
  return {
    key,
    fields: [
      field('Connection', 'Upgrade'),
      field('Upgrade', 'websocket'),
      field('Sec-WebSocket-Version', '13'),
      field('Sec-WebSocket-Key', key),
    ],
  };
}

type Offered = Pick<RequestHead, 'fields'>;

/**
 * Throws a Refusal (502) unless the 101 accepts our key and chooses only what the client offered. Returns what was agreed on
 * about compression.
 */
export function checkAcceptance(response: ResponseHead, own: OwnHandshake, request: Offered): Deflate | undefined {
  const upgrades = listMembers(response.fields, 'upgrade');
  const accepts = fieldValues(response.fields, 'sec-websocket-accept');
  if (
    response.status !== 101 ||
    upgrades.length !== 1 ||
    upgrades[0] !== 'websocket' ||
    !listMembers(response.fields, 'connection').includes('upgrade') ||
    accepts.length !== 1 ||
    accepts[0] !== acceptOf(own.key)
  ) {
    throw upstreamFailure('the upstream did not accept this WebSocket handshake');
  }
  return checkChoice(response, request);
}

function checkChoice(response: ResponseHead, request: Offered): Deflate | undefined {
  const [protocol, ...more] = fieldValues(response.fields, 'sec-websocket-protocol');
  const offered = fieldValues(request.fields, 'sec-websocket-protocol').flatMap((value) => value.split(','));
  if (more.length > 0 || (protocol !== undefined && !offered.some((each) => each.trim() === protocol))) {
    throw upstreamFailure('the upstream chose a WebSocket protocol nobody offered');
  }
  return acceptedExtensions(response.fields, request.fields);
}

/** The fields of the 101 for the client. */
export function acceptanceFields(request: RequestHead): Field[] {
  const [key = ''] = fieldValues(request.fields, 'sec-websocket-key');
  return [field('Connection', 'Upgrade'), field('Upgrade', 'websocket'), field('Sec-WebSocket-Accept', acceptOf(key))];
}

function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + ACCEPT_GUID)
    .digest('base64');
}

function field(spelled: string, value: string): Field {
  return { name: spelled.toLowerCase(), spelled, value };
}
