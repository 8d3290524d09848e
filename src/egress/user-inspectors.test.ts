// The egress's side of a user's inspector, against an other side that says whatever it likes.
import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import type { InspectedRequest } from './inspector-lines.ts';
import { createUserInspectors, type UserInspectors } from './user-inspectors.ts';

const REQUEST: InspectedRequest = {
  ...{ id: 1, protocol: 'http', scheme: 'https', method: 'GET', host: 'a.example', port: 443, path: '/', query: '' },
  ...{ headers: [], contentLength: undefined },
};
const READY = '{"type":"ready","bodies":false}\n';
const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** An inspector `mine` whose process sends `lines` at once, and then what `reply` makes of each question. */
async function connected(
  lines: string,
  reply: (question: { id: number; kind: string }, socket: Socket) => string | void = () => undefined,
): Promise<UserInspectors> {
  const server: Server = createServer((socket) => {
    open.push({ close: () => socket.destroy() });
    socket.on('error', () => undefined);
    socket.write(lines);
    socket.on('data', (bytes: Buffer) => {
      for (const line of bytes.toString().trim().split('\n')) {
        const answer = reply(JSON.parse(line), socket);
        if (typeof answer === 'string') socket.write(answer);
      }
    });
  });
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const inspectors = createUserInspectors([{ name: 'mine', timeoutMs: 100 }]);
  inspectors.connect('mine', connect(address.port, '127.0.0.1'));
  return inspectors;
}

const verdict = (id: number, action: string, reason = ''): string =>
  `${JSON.stringify({ type: 'verdict', id, action, reason })}\n`;

test('a pass is nothing, a note is noted, and a no is a refusal with its reason', async () => {
  const answers = ['pass', 'note', 'deny'];
  const inspectors = await connected(READY, ({ id }) => verdict(id, answers[id - 1] ?? '', 'because\u001b[31m'));
  await inspectors.ready();
  expect(await inspectors.request(REQUEST)).toEqual([]);
  expect(await inspectors.request(REQUEST)).toEqual([
    { name: 'inspector:mine', action: 'note', reason: expect.stringContaining('because') },
  ]);
  const refused = inspectors.request(REQUEST);
  await expect(refused).rejects.toMatchObject({ status: 403, rule: '<inspector:mine>' });
  await expect(refused).rejects.toThrow(/^[ -~]*because[ -~]*$/);
});

test.each<[string, (id: number, socket: Socket) => string | void, string]>([
  ['an error', (id) => verdict(id, 'error', 'it threw'), 'it threw'],
  ['silence', () => undefined, 'did not answer'],
  ['the answer to another question', (id) => verdict(id + 1, 'pass'), 'did not answer'],
  ['no JSON', () => 'yes!\n', 'cannot be read'],
  ['another action', (id) => verdict(id, 'allow'), 'cannot be read'],
  ['a line without an end', () => 'x'.repeat(20_000), 'without an end'],
  ['a second hello', () => READY, 'ready twice'],
  ['the end of its process', (_, socket) => void socket.destroy(), 'ended'],
])('%s is a refusal', async (_, reply, reason) => {
  const inspectors = await connected(READY, ({ id }, socket) => reply(id, socket));
  await inspectors.ready();
  const refused = inspectors.request(REQUEST);
  await expect(refused).rejects.toMatchObject({ rule: '<inspector:mine>' });
  await expect(refused).rejects.toThrow(reason);
});

test('one that cannot be loaded, or is not there, is an error of the start', async () => {
  const failed = await connected('{"type":"failed","message":"no such export"}\n');
  await expect(failed.ready()).rejects.toThrow('no such export');
  await expect(failed.request(REQUEST)).rejects.toMatchObject({ rule: '<inspector:mine>' });
  const absent = createUserInspectors([{ name: 'mine', timeoutMs: 100 }]);
  await expect(absent.ready()).rejects.toThrow('was not started');
  await expect(absent.request(REQUEST)).rejects.toMatchObject({ rule: '<inspector:mine>' });
});

test('more questions than a program may leave open are refused', async () => {
  const inspectors = await connected(READY);
  await inspectors.ready();
  const asked = await Promise.allSettled(Array.from({ length: 300 }, () => inspectors.request(REQUEST)));
  const reasons = asked.map((each) => (each.status === 'rejected' ? String(each.reason) : 'passed'));
  expect(reasons.filter((reason) => reason.includes('too much waits'))).toHaveLength(300 - 256);
  expect(reasons).not.toContain('passed');
});

test('bodies are shown to those only that want them', async () => {
  const seen: string[] = [];
  const note = (question: { id: number; kind: string }): string => {
    seen.push(question.kind);
    return verdict(question.id, 'pass');
  };
  const without = await connected(READY, note);
  await without.ready();
  expect(without.wantsBodies()).toBe(false);
  const wanting = await connected(READY.replace('false', 'true'), note);
  await wanting.ready();
  expect(wanting.wantsBodies()).toBe(true);
  await without.body(REQUEST, 'body', Buffer.from('x'), true);
  await wanting.body(REQUEST, 'message', Buffer.from('x'), true);
  expect(seen).toEqual(['message']);
});
