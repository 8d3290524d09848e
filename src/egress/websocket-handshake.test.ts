import { expect, test } from 'vitest';
import { parseRequestHead } from './request-head.ts';
import { parseResponseHead } from './response-head.ts';
import {
  acceptanceFields,
  agreedFields,
  checkAcceptance,
  checkExtendedConnect,
  checkHandshake,
  createHandshake,
  handshakeFields,
} from './websocket-handshake.ts';

const LIMITS = { maxHeadBytes: 4096, maxHeaders: 20 };
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

function request(lines: readonly string[], line = 'GET /chat HTTP/1.1') {
  return parseRequestHead(Buffer.from([line, 'Host: h', ...lines, '', ''].join('\r\n')), LIMITS);
}

function response(...lines: string[]) {
  return parseResponseHead(Buffer.from(['HTTP/1.1 101 Switching', ...lines, '', ''].join('\r\n')), LIMITS);
}

const VALID = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${KEY}`];

test('a valid handshake is answered with the accept of RFC 6455’s example', () => {
  checkHandshake(request(VALID), { kind: 'none' });
  const accept = acceptanceFields(request(VALID)).find(({ name }) => name === 'sec-websocket-accept');
  expect(accept?.value).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test.each([
  ['another method', request(VALID, 'POST /chat HTTP/1.1')],
  ['HTTP/1.0', request(VALID, 'GET /chat HTTP/1.0')],
  ['another version', request([...VALID.filter((line) => !line.includes('Version')), 'Sec-WebSocket-Version: 8'])],
  ['no key', request(VALID.filter((line) => !line.includes('Key')))],
  ['two keys', request([...VALID, `Sec-WebSocket-Key: ${KEY}`])],
  ['a short key', request([...VALID.filter((line) => !line.includes('Key')), 'Sec-WebSocket-Key: abcd'])],
])('%s is refused', (_, head) => {
  expect(() => checkHandshake(head, { kind: 'none' })).toThrow(expect.objectContaining({ status: 400 }));
});

test('a handshake with a body is refused', () => {
  expect(() => checkHandshake(request(VALID), { kind: 'length', length: 0 })).toThrow('with a body');
});

test('only a 101 that answers our own key, with what the client offered, is accepted', () => {
  const own = createHandshake();
  const client = request([...VALID, 'Sec-WebSocket-Protocol: chat, superchat']);
  const accept = acceptanceFields(request([`Sec-WebSocket-Key: ${own.key}`])).at(-1)?.value ?? '';
  const good = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
  checkAcceptance(response(...good, 'Sec-WebSocket-Protocol: chat'), own, client);
  for (const bad of [
    response('Upgrade: websocket', 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='),
    response('Upgrade: websocket'),
    response('Upgrade: h2c', `Sec-WebSocket-Accept: ${accept}`),
    response(...good, 'Sec-WebSocket-Protocol: other'),
    response(...good, 'Sec-WebSocket-Protocol: Chat'),
    response(...good, 'Sec-WebSocket-Protocol: chat, superchat'),
    response(...good, 'Sec-WebSocket-Extensions: permessage-deflate'),
    response(...good.filter((line) => !line.startsWith('Connection'))),
  ]) {
    expect(() => checkAcceptance(bad, own, client)).toThrow(expect.objectContaining({ status: 502 }));
  }
});

test('of extensions only what is understood goes out, and only what was agreed on comes back', () => {
  const offer = 'Sec-WebSocket-Extensions: x-unknown, permessage-deflate;client_max_window_bits';
  const client = request([...VALID, offer, 'Origin: https://h']);
  expect(handshakeFields(client.fields).map(({ name, value }) => [name, value])).toEqual([
    ['host', 'h'],
    ['upgrade', 'websocket'],
    ['connection', 'Upgrade'],
    ['origin', 'https://h'],
    ['sec-websocket-extensions', 'permessage-deflate; client_max_window_bits'],
  ]);
  const own = createHandshake();
  const accept = acceptanceFields(request([`Sec-WebSocket-Key: ${own.key}`])).at(-1)?.value ?? '';
  const chosen = response(
    ...['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`, 'X: y'],
    'Sec-WebSocket-Extensions: permessage-deflate;client_max_window_bits=10',
  );
  const agreed = checkAcceptance(chosen, own, client);
  expect(agreed?.clientMaxWindowBits).toBe(10);
  expect(agreedFields(chosen.fields, agreed).map(({ name, value }) => [name, value])).toEqual([
    ['upgrade', 'websocket'],
    ['connection', 'Upgrade'],
    ['x', 'y'],
    ['sec-websocket-extensions', 'permessage-deflate; client_max_window_bits=10'],
  ]);
});

test('an extended CONNECT needs version 13 and no key', () => {
  checkExtendedConnect(request(['Sec-WebSocket-Version: 13']));
  expect(() => checkExtendedConnect(request([]))).toThrow(expect.objectContaining({ status: 400 }));
  expect(() => checkExtendedConnect(request(['Sec-WebSocket-Version: 8']))).toThrow(
    expect.objectContaining({ status: 400 }),
  );
});
