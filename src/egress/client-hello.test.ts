import * as fc from 'fast-check';
import { createServer } from 'node:net';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { parseClientHello } from './client-hello.ts';

const RUNS = 10_000;

function extension(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

function serverName(name: string): Buffer {
  const bytes = Buffer.from(name, 'latin1');
  const list = Buffer.alloc(5);
  list.writeUInt16BE(bytes.length + 3, 0);
  list.writeUInt16BE(bytes.length, 3);
  return extension(0, Buffer.concat([list, bytes]));
}

function hello(extensions: readonly Buffer[], tail: Buffer = Buffer.alloc(0)): Buffer {
  const joined = Buffer.concat(extensions);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(joined.length);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0, 0, 2, 0x13, 0x01, 1, 0]),
    length,
    joined,
    tail,
  ]);
  const head = Buffer.from([1, 0, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([head, body]);
}

function records(message: Buffer, size = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const fragment = message.subarray(at, at + size);
    parts.push(Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 0xff]), fragment);
  }
  return Buffer.concat(parts);
}

test('the name is read, also out of a hello in many records', () => {
  const message = hello([extension(10, Buffer.from([0, 2, 0, 29])), serverName('a.example')]);
  for (const size of [16_384, 10, 1]) {
    expect(parseClientHello(records(message, size))).toEqual({ state: 'complete', serverName: 'a.example' });
  }
});

test('a hello without a name has none, and an encrypted hello beside the name changes nothing', () => {
  expect(parseClientHello(records(hello([])))).toEqual({ state: 'complete', serverName: undefined });
  const grease = extension(0xfe0d, Buffer.alloc(100, 1));
  expect(parseClientHello(records(hello([grease, serverName('outer.example')])))).toEqual({
    state: 'complete',
    serverName: 'outer.example',
  });
});

test.each([
  ['two names', records(hello([serverName('a.example'), serverName('b.example')]))],
  ['a name with a NUL', records(hello([serverName('a.example\0.b.example')]))],
  ['a name in UTF-8', records(hello([serverName(Buffer.from('bücher.example').toString('latin1'))]))],
  ['a name with a line end', records(hello([serverName('a.example\r\n')]))],
  ['a name with a space', records(hello([serverName(' a.example')]))],
  ['a name of another type', records(hello([extension(0, Buffer.from([0, 4, 1, 0, 1, 0x61]))]))],
  ['two names in one list', records(hello([extension(0, Buffer.from([0, 8, 0, 0, 1, 0x61, 0, 0, 1, 0x62]))]))],
  ['a hello of SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10])],
  ['an empty name', records(hello([serverName('')]))],
  ['a name list longer than its extension', records(hello([extension(0, Buffer.from([0, 9, 0, 0, 1, 0x61]))]))],
  ['bytes behind the extensions', records(hello([serverName('a.example')], Buffer.from([0])))],
  ['a server hello', records(Buffer.from([2, 0, 0, 4, 0, 0, 0, 0]))],
  ['an alert record', Buffer.from([21, 3, 1, 0, 2, 2, 40])],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
  ['a record that is too long', Buffer.from([22, 3, 1, 0xff, 0xff])],
  ['a hello that is too large', Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff])],
])('%s is invalid', (_, bytes) => {
  expect(parseClientHello(bytes).state).toBe('invalid');
});

test('every cut of a valid hello is incomplete, never something else', () => {
  const bytes = records(hello([serverName('a.example')]), 30);
  for (let length = 0; length < bytes.length; length += 1) {
    expect(parseClientHello(bytes.subarray(0, length)).state).toBe('incomplete');
  }
});

test('no bytes make the parser throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      expect(['incomplete', 'invalid', 'complete']).toContain(parseClientHello(Buffer.from(noise)).state);
      expect(['incomplete', 'invalid', 'complete']).toContain(
        parseClientHello(records(hello([Buffer.from(noise)]))).state,
      );
    }),
    { numRuns: RUNS },
  );
});

test('a good hello with a few bytes changed names a server that stands in it, or none', () => {
  const good = records(hello([extension(10, Buffer.from([0, 2, 0, 29])), serverName('a.example')]), 40);
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of changes) bytes[at] = byte;
      const result = parseClientHello(bytes);
      if (result.state !== 'complete' || result.serverName === undefined) return;
      // Out of its records, which may have cut the name.
      expect(bytes.length).toBeGreaterThan(result.serverName.length);
      const message = Buffer.concat([bytes.subarray(5, 45), bytes.subarray(50, 90), bytes.subarray(95)]);
      expect(message.includes(Buffer.from(result.serverName, 'latin1'))).toBe(true);
    }),
    { numRuns: RUNS },
  );
});

test('the hello of a real client is understood', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const received = new Promise<Buffer>((resolve) => {
    server.on('connection', (socket) => socket.once('data', (bytes: Buffer) => resolve(bytes)));
  });
  const client = connect({ port: address.port, host: '127.0.0.1', servername: 'real.example' });
  client.on('error', () => undefined);
  expect(parseClientHello(await received)).toEqual({ state: 'complete', serverName: 'real.example' });
  client.destroy();
  server.close();
});
