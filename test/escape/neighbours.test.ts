// Two cages on one machine, and services of the host beside them: none of them can reach another.
import { createServer } from 'node:http';
import { connect as connectSocket, createServer as createSocketServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { portOf } from '../integration/egress-rig.ts';
import { onHost, startTestCage, type TestCage } from '../support/cage.ts';

let one: TestCage;
let two: TestCage;
let service: Server;

beforeAll(async () => {
  one = await startTestCage('one');
  two = await startTestCage('two', { options: { allow: ['api.test'] } });
  service = createServer((_request, response) => response.end('service of the host'));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await one.remove();
  await two.remove();
  service.close();
});

test('ESC-53b: a service on the host’s loopback cannot be reached, directly or through the proxy', async () => {
  const port = portOf(service);
  const ask = (options: string): string => `curl -sS -m 10 ${options} http://127.0.0.1:${port}/ 2>&1`;
  expect((await onHost.sh(ask(''))).stdout).toBe('service of the host');
  const direct = await one.sh(ask("--noproxy '*'"));
  expect(direct.stdout).toMatch(/Connection refused|Failed to connect|Couldn't connect/);
  const proxied = await one.sh(ask("--noproxy '' -x http://127.0.0.1:3128"));
  expect(proxied.stdout).toContain('"blockedBy":"ironcage"');
});

test('ESC-47b: an abstract socket of the host or of another cage cannot be reached', async () => {
  const name = `\0ironcage-test-${process.pid}`;
  const onHostSocket = createSocketServer((socket) => socket.end('host'));
  await new Promise<void>((resolve) => onHostSocket.listen(name, resolve));
  const dial = (target: string): string => `
import socket
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(${JSON.stringify(target)})
    print('connected')
except OSError as error:
    print('refused', error.errno)
`;
  try {
    await new Promise<void>((resolve, reject) => {
      connectSocket(name, resolve)
        .on('error', reject)
        .on('data', () => undefined);
    });
    expect((await one.python(dial(name))).stdout).toMatch(/^refused/);
    const listen = (target: string): string => `
import socket, os
s = socket.socket(socket.AF_UNIX)
s.bind(${JSON.stringify(target)})
s.listen()
open('/tmp/listening', 'w').close()
s.accept()
`;
    const listener = one.python(listen('\0of-cage-one'));
    await one.sh('until [ -e /tmp/listening ]; do :; done');
    expect((await two.python(dial('\0of-cage-one'))).stdout).toMatch(/^refused/);
    const own = await one.python(dial('\0of-cage-one'));
    expect(own.stdout, own.stderr).toBe('connected');
    await listener;
  } finally {
    onHostSocket.close();
  }
});

test('ESC-61a: a port that one cage listens on is nobody’s in the other', async () => {
  const listener = one.python(`
import socket
s = socket.create_server(('127.0.0.1', 8765))
open('/tmp/serving', 'w').close()
s.accept()[0].sendall(b'of cage one')
`);
  await one.sh('until [ -e /tmp/serving ]; do :; done');
  const dial = `
import socket
try:
    print(socket.create_connection(('127.0.0.1', 8765), 5).recv(64).decode())
except ConnectionRefusedError:
    print('refused')
`;
  expect((await two.python(dial)).stdout).toBe('refused');
  expect((await onHost.python(dial)).stdout).toBe('refused');
  expect((await one.python(dial)).stdout).toBe('of cage one');
  await listener;
});

test('ESC-61b: what one cage may reach, the other may not', async () => {
  const ask = 'curl -sS -k -m 10 https://api.test/ 2>&1';
  expect((await one.sh(ask)).stdout).toContain('"rule":"<default-deny>"');
  // Allowed, and then without a host of that name in the world.
  expect((await two.sh(ask)).stdout).not.toContain('"rule":"<default-deny>"');
});

test('ESC-PROC-3: neither processes nor files nor shared memory of the other cage are there', async () => {
  await one.sh('echo mine >/tmp/mine; echo mine >~/mine; echo mine >/dev/shm/mine; echo mine >mine');
  expect((await one.sh('cat /tmp/mine ~/mine /dev/shm/mine mine')).stdout).toBe('mine\nmine\nmine\nmine');
  const seen = await two.sh(
    `ls /tmp/mine ~/mine /dev/shm/mine mine ${one.project} 2>/dev/null; cat /proc/[0-9]*/comm | grep -c python`,
  );
  expect(seen.stdout).toBe('0');
});

test('ESC-PROC-4: message queues, semaphores and shared memory of one cage or of the host are not the other’s', async () => {
  const make = 'ipcmk -M 4096 | grep -o "[0-9]*$"';
  expect((await one.sh(make)).stdout).toMatch(/^\d+$/);
  expect((await one.sh('ipcs -m | grep -c 4096')).stdout).toBe('1');
  expect((await two.sh('ipcs -m | grep -c 4096')).stdout).toBe('0');
});

test('ESC-BUS-1: what one cage puts into its bus is in no other', async () => {
  await two.sh('echo private >/ironcage/bus/only-two');
  expect((await two.sh('ls /ironcage/bus')).stdout).toContain('only-two');
  expect((await one.sh('ls -A /ironcage/bus')).stdout).not.toContain('only-two');
  const path = join(two.context.dataRoot, 'cages', two.name, 'bus/only-two');
  expect((await onHost.exec(['cat', path])).stdout).toBe('private');
  expect((await one.exec(['cat', path])).exitCode).not.toBe(0);
});

test('ESC-FILE-12: the other cage’s directories on the host cannot be walked', async () => {
  const home = join(two.context.dataRoot, 'cages/two/home');
  expect((await onHost.exec(['ls', '-d', home])).exitCode).toBe(0);
  expect((await one.exec(['ls', '-d', home])).exitCode).not.toBe(0);
});
