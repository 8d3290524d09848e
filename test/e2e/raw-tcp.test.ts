// Raw TCP out of a real cage: to the one host and port that a rule passes unseen, on record with its bytes, and nowhere else.
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { portOf } from '../integration/egress-rig.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const CAGE = 'database';
const HOST = 'db.example.com';
const GREETING = 'server speaks first\n';

let sandbox: Sandbox;
let server: Server;
const heard: string[] = [];

beforeAll(async () => {
  sandbox = openSandbox();
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(GREETING);
    socket.on('data', (bytes: Buffer) => {
      heard.push(bytes.toString('latin1'));
      socket.end(`you said ${bytes.toString('latin1')}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const args = ['create', sandbox.project('p'), '--name', CAGE];
  const rules = ['--allow', `${HOST}:5432 passthrough`, '--route', `${HOST}=127.0.0.1:${portOf(server)}`];
  const created = await sandbox.run([...args, ...rules]);
  expect(created.stderr).not.toContain('error[');
  expect((await sandbox.run(['start', CAGE])).exitCode).toBe(0);
});
afterAll(async () => {
  await sandbox.close();
  server.close();
});

/** What a client inside hears that waits for the server's first word before it says its own. */
async function talk(host: string, port: number): Promise<string> {
  const script = [
    `exec 3<>/dev/tcp/${host}/${port} || exit 9`,
    'read -r -t 5 first <&3',
    'echo "heard: $first"',
    'printf ping >&3',
    'cat <&3',
  ].join('\n');
  return (await sandbox.run(['exec', CAGE, '--', 'bash', '-c', script])).stdout;
}

test('a server that speaks first is heard, and answers', async () => {
  expect(await talk(HOST, 5432)).toBe(`heard: ${GREETING}you said ping`);
  expect(heard).toEqual(['ping']);
});

test.each([
  ['another port of the host', HOST, 5433],
  ['another host', 'other.example.com', 5432],
])('%s is cut off before anything arrives', async (_, host, port) => {
  heard.length = 0;
  expect(await talk(host, port)).not.toContain('server speaks first');
  expect(heard).toEqual([]);
});

test('the record has the connection with its bytes, the refusals, and the names that were looked up', async () => {
  const records = (await sandbox.run(['audit', CAGE, '--json'])).records();
  const tcp = { protocol: 'tcp', host: HOST, port: 5432, decision: 'allow', rule: expect.stringContaining(HOST) };
  const ended = { ...tcp, bytesOut: 4, bytesIn: GREETING.length + 13, end: { outcome: 'complete' } };
  expect(records).toContainEqual(expect.objectContaining(tcp));
  expect(records.find((record) => JSON.stringify(record).includes('"end":{'))).toMatchObject(ended);
  // At another port nobody listens: no rule names it.
  const other = { protocol: 'tcp', host: 'other.example.com', port: 5432, decision: 'deny' };
  expect(records).toContainEqual(expect.objectContaining(other));
  const named = { protocol: 'dns', host: 'other.example.com', decision: 'deny', rule: '<default-deny>' };
  expect(records).toContainEqual(expect.objectContaining(named));
  expect(records).toContainEqual(expect.objectContaining({ protocol: 'dns', host: HOST, decision: 'allow' }));
});

test('what the cage shows of itself says where bytes pass unseen', async () => {
  const shown = await sandbox.run(['show', CAGE, '--json']);
  expect(shown.json()).toMatchObject({ exposure: expect.stringContaining(`${HOST}:5432 (raw, unseen)`) });
});
