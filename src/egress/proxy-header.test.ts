import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ByteReader } from './byte-reader.ts';
import { readProxyHeader, writeProxyHeader, type ConnectionEnds } from './proxy-header.ts';

let server: Server;
beforeAll(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

/** What the egress sees of a connection over which these pieces come, each on its own. */
async function arrived(pieces: readonly (string | Buffer)[]): Promise<Socket> {
  const address = server.address();
  const accepted = once(server, 'connection');
  const client = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  client.on('error', () => undefined);
  for (const piece of pieces) await new Promise((sent) => client.write(piece, sent));
  client.end();
  const [socket]: Socket[] = await accepted;
  if (socket === undefined) throw new Error('nobody connected');
  socket.on('error', () => undefined);
  return socket;
}

const ends: ConnectionEnds = {
  local: { address: '::ffff:198.18.0.7', port: 443 },
  peer: { address: '::ffff:127.0.0.1', port: 50_000 },
};

test('what is written is read, byte by byte too, and what follows stays for the next reader', async () => {
  const line = writeProxyHeader(ends) ?? '';
  for (const pieces of [[`${line}hello`], [...Array.from(line), 'hello'], [line, 'hello']]) {
    const socket = await arrived(pieces);
    expect(await readProxyHeader(socket)).toEqual(ends);
    const reader = new ByteReader(socket);
    const read: Buffer[] = [];
    for (let bytes = await reader.read(); bytes !== undefined; bytes = await reader.read()) read.push(bytes);
    expect(Buffer.concat(read).toString()).toBe('hello');
    socket.destroy();
  }
});

test('a client that is gone already gets no line', () => {
  expect(writeProxyHeader({ ...ends, peer: undefined })).toBeUndefined();
});

test.each([
  ['nothing', ''],
  ['another protocol', 'GET / HTTP/1.1\r\n\r\n'],
  ['another family', 'PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n'],
  ['no end', `PROXY TCP6 ${'1'.repeat(200)}`],
  ['half a line', 'PROXY TCP6 ::1 ::1 1'],
  ['a name', 'PROXY TCP6 localhost ::1 1 2\r\n'],
  ['a port of 0', 'PROXY TCP6 ::1 ::1 0 2\r\n'],
  ['a port beyond all', 'PROXY TCP6 ::1 ::1 1 65536\r\n'],
  ['one field more', 'PROXY TCP6 ::1 ::1 1 2 3\r\n'],
  ['one field less', 'PROXY TCP6 ::1 ::1 1\r\n'],
])('a connection that begins with %s is refused', async (_what, text) => {
  const socket = await arrived(text === '' ? [] : [text]);
  await expect(readProxyHeader(socket)).rejects.toThrow();
  socket.destroy();
});

test('whatever comes is ends or an error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 150 }), fc.boolean(), async (bytes, isPrefixed) => {
      const socket = await arrived([Buffer.concat([Buffer.from(isPrefixed ? 'PROXY TCP6 ' : ''), bytes])]);
      await readProxyHeader(socket).then(
        ({ local }) => expect(local.port).toBeGreaterThan(0),
        (error: unknown) => expect(error).toBeInstanceOf(Error),
      );
      socket.destroy();
    }),
    { numRuns: 500 },
  );
});
