// Raw TCP where a rule lets it pass unseen: by one name and port, with its bytes on record, and nothing else beside it.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Rule } from '../../src/policy/types.ts';
import { createUsageBook } from '../../src/egress/usage-book.ts';
import { allow, portOf, startRig, type Rig } from './egress-rig.ts';

const DATABASE = 'db.example';
const PORT = 5432;
let server: Server;
let rig: Rig;
const directory = mkdtempSync(join(tmpdir(), 'ironcage-raw-'));
const served: string[] = [];

function raw(host: string, more: Partial<Rule> = {}): Rule {
  return allow(host, { port: PORT, passthrough: true, ...more });
}

beforeAll(async () => {
  // Speaks first, echoes, and answers the end of the other side with one of its own.
  server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.write('hello from the server\n');
    socket.on('data', (bytes: Buffer) => {
      served.push(bytes.toString('latin1'));
      socket.write(bytes);
    });
    socket.on('end', () => socket.end('bye\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hosts = [DATABASE, 'denied.example', 'ended.example', 'metered.example', 'gone.example'];
  rig = await startRig({
    rules: () => [
      raw(DATABASE),
      raw('denied.example'),
      { id: 'deny:denied', effect: 'deny', origin: 'user', host: 'denied.example', path: '/x' },
      raw('ended.example', { expires: '2020-01-01T00:00:00Z' }),
      raw('metered.example', { budget: { bytesPerDay: 10 } }),
      raw('gone.example'),
    ],
    routes: hosts.map((host) => ({ host, address: '127.0.0.1', port: host === 'gone.example' ? 1 : portOf(server) })),
    parts: { usage: createUsageBook(directory, { now: () => Date.now() }) },
  });
});
afterAll(async () => {
  await rig?.close();
  server?.close();
  rmSync(directory, { recursive: true });
});

/** A tunnel through the proxy, as every client of a proxy makes one. */
async function tunnel(host: string, port = PORT): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: rig.proxyPort, allowHalfOpen: true });
  socket.on('error', () => undefined);
  socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
  await new Promise<void>((resolve) => {
    socket.once('readable', () => {
      const head = 'HTTP/1.1 200 Connection Established\r\n\r\n';
      expect(String(socket.read(head.length))).toBe(head);
      resolve();
    });
  });
  return socket;
}

async function everything(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (bytes) => (text += String(bytes)));
  socket.once('end', () => socket.end());
  // A reset is an end as well.
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return text;
}

test('a server may speak first, and each side may end its half while the other still speaks', async () => {
  const socket = await tunnel(DATABASE);
  socket.end('ping\n');
  expect(await everything(socket)).toBe('hello from the server\nping\nbye\n');
  await expect
    .poll(() => rig.audit().find(({ end }) => end !== undefined))
    .toMatchObject({
      protocol: 'tcp',
      host: DATABASE,
      port: PORT,
      decision: 'allow',
      rule: `allow:${DATABASE}`,
      bytesOut: 5,
      bytesIn: 31,
      end: { outcome: 'complete' },
    });
});

test.each([
  ['another port of the same host', DATABASE, 22, '<protocol>'],
  ['a host that a deny rule speaks of', 'denied.example', PORT, 'deny:denied'],
  ['a rule that has ended', 'ended.example', PORT, '<default-deny>'],
  ['a host without a rule', 'other.example', PORT, '<protocol>'],
])('%s is cut off, and nothing arrives', async (_, host, port, rule) => {
  const before = served.length;
  const socket = await tunnel(host, port);
  socket.write('\u0000\u0001\u0002 not HTTP\n');
  expect(await everything(socket)).toBe('');
  expect(rig.audit().find((line) => line.host === host && line.decision === 'deny')).toMatchObject({ rule, port });
  expect(served).toHaveLength(before);
});

test.each([
  ['another name than the rule’s', 'other.example'],
  ['a name that is none', 'db_.example'],
])('TLS to %s is cut off before the server has a byte of it', async (_, servername) => {
  const before = served.length;
  const inner = connectTls({ socket: await tunnel(DATABASE), servername });
  await new Promise<void>((resolve) => inner.once('error', () => resolve()).once('close', () => resolve()));
  await expect.poll(() => rig.audit().find(({ rule }) => rule === '<authority>')).toMatchObject({ host: DATABASE });
  expect(served).toHaveLength(before);
});

test('bytes beyond the budget of the rule are not sent', async () => {
  const socket = await tunnel('metered.example');
  socket.write('0123456789');
  socket.write('more');
  await everything(socket);
  await expect
    .poll(() => rig.audit().find(({ rule }) => rule === '<budget>'))
    .toMatchObject({ host: 'metered.example' });
  expect(served.join('')).not.toContain('more');
});

test('a server that is not there ends the connection, and the record says why', async () => {
  expect(await everything(await tunnel('gone.example'))).toBe('');
  await expect
    .poll(() => rig.audit().find(({ host, end }) => host === 'gone.example' && end !== undefined))
    .toMatchObject({ end: { outcome: 'upstream-error' } });
});
