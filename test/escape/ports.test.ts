// A published port lets the host into a cage. Here it is tried the other way: out of the cage by what forwards it, into the cage
// beside it, and into that program itself.
import { readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { identifyProcess } from '../../src/platform/processes.ts';
import { publishPorts } from '../../src/index.ts';
import { processesWhere } from '../../src/backends/host/cage-processes.ts';
import { readCageState } from '../../src/cage/store.ts';
import type { Forwarder } from '../../src/cage/state.ts';
import { onHost, startTestCage, type TestCage } from '../support/cage.ts';
import { ask, keepConnected, servingScript } from '../support/published.ts';

const INSIDE = 8771;
const PROGRAM = 'forward-port.js';
let cage: TestCage;
let beside: TestCage;
let port: number;
beforeAll(async () => {
  cage = await startTestCage('published', { options: { ports: [`0:${INSIDE}`] } });
  beside = await startTestCage('beside');
  await cage.python(servingScript(INSIDE, 'cage'));
  port = forwarder().port;
});
afterAll(async () => {
  await cage.remove();
  await beside.remove();
});

function forwarder(): Forwarder {
  const state = readCageState(cage.context, cage.name);
  const [first] = state.phase === 'running' ? (state.forwarders ?? []) : [];
  if (first === undefined) throw new Error('nothing is forwarded');
  return first;
}

/** What answers on a port at any address that there is, asked by the program's own means. */
const lookFor = (wanted: number): string => `
import re, socket
found = {'127.0.0.1', '::1', '0.0.0.0', '10.0.2.2', '172.17.0.1', '192.168.0.1'}
found |= set(re.findall(r'[0-9]+(?:\\.[0-9]+){3}', open('/proc/net/fib_trie').read()))
for address in sorted(found):
    try:
        with socket.create_connection((address, ${wanted}), 3) as s:
            s.sendall(b'x'); s.shutdown(socket.SHUT_WR)
            print(address, s.recv(64).decode())
    except OSError: pass
print('looked')
`;

test('neither the cage nor its neighbour reaches the port of the host, at any address', async () => {
  expect(await ask(port, 'control')).toEqual({ text: 'cage:control', end: 'closed' });
  expect((await cage.python(lookFor(INSIDE))).stdout).toContain('127.0.0.1 cage:x');
  expect((await cage.python(lookFor(port))).stdout).toBe('looked');
  expect((await beside.python(lookFor(port))).stdout).toBe('looked');
  expect((await beside.python(lookFor(INSIDE))).stdout).toBe('looked');
});

test('the cage sees neither the program nor its socket', async () => {
  const end = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`;
  const look = `
import glob
for path in glob.glob('/proc/[0-9]*/cmdline') + ['/proc/net/tcp', '/proc/net/tcp6']:
    try: text = open(path).read()
    except OSError: continue
    if '${PROGRAM}' in text: print('program')
    if '${end}' in text: print('socket')
print('looked')
`;
  expect((await onHost.python(look)).stdout.split('\n')).toEqual(expect.arrayContaining(['program', 'socket']));
  expect((await cage.python(look)).stdout).toBe('looked');
});

test('the program is in the cage’s network and in no other namespace of the cage’s or the host’s, without rights', () => {
  const state = readCageState(cage.context, cage.name);
  const init = state.phase === 'running' ? state.init.pid : 0;
  const inner = processesWhere((pid) => identifyProcess(pid)?.parentPid === forwarder().process.pid)[0]?.pid ?? 0;
  const of = (pid: number | 'self', name: string): string => readlinkSync(`/proc/${pid}/ns/${name}`);
  expect(of(inner, 'net')).toBe(of(init, 'net'));
  expect(of(inner, 'net')).not.toBe(of('self', 'net'));
  for (const name of ['pid', 'mnt', 'ipc', 'uts', 'cgroup']) {
    expect(of(inner, name), name).not.toBe(of(init, name));
    expect(of(inner, name), name).not.toBe(of('self', name));
  }
  const status = readFileSync(`/proc/${inner}/status`, 'utf8');
  expect(status).toMatch(/^Seccomp:\s+2$/m);
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
    expect(status).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
  const writable = readFileSync(`/proc/${inner}/mountinfo`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , , target = '', options = '']) => !options.startsWith('ro') && !/^\/(dev|proc)\b/.test(target));
  expect(writable).toEqual([]);
});

test('a server that resets, hangs or floods costs its own connections only', async () => {
  const hostile = 8772;
  const view = await publishPorts(cage.context, cage.name, [`0:${hostile}`]);
  const bad = view.ports.find(({ cagePort }) => cagePort === hostile)?.port ?? 0;
  await cage.python(`
import os, socket, struct, threading
server = socket.create_server(('127.0.0.1', ${hostile}), backlog=128)
def serve(s):
    what = s.recv(1)
    if what == b'r':
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); s.close()
    if what == b'f':
        try:
            while True: s.sendall(b'f' * 65536)
        except OSError: pass
    if what == b'h': threading.Event().wait()
if os.fork() == 0:
    os.setsid()
    [os.dup2(os.open('/dev/null', os.O_RDWR), fd) for fd in (0, 1, 2)]
    while True: threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
`);
  expect(await ask(bad, 'r')).toMatchObject({ end: 'reset' });
  const held = await Promise.all(
    ['f', 'h', 'f', 'h', 'f'].map(async (what) => {
      const socket = await keepConnected(bad);
      // Never read: what it is sent must not pile up anywhere.
      socket.write(what + 'x'.repeat(2 ** 22));
      return socket;
    }),
  );
  for (let round = 0; round < 20; round += 1) expect(await ask(bad, 'r')).toMatchObject({ end: 'reset' });
  expect(await ask(port, 'meanwhile')).toEqual({ text: 'cage:meanwhile', end: 'closed' });
  const state = readCageState(cage.context, cage.name);
  const forwarders = state.phase === 'running' ? (state.forwarders ?? []) : [];
  for (const { process } of forwarders) {
    const inner = processesWhere((pid) => identifyProcess(pid)?.parentPid === process.pid)[0]?.pid ?? 0;
    const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${inner}/status`, 'utf8'))?.[1]);
    expect(resident).toBeLessThan(120 * 1024);
  }
  for (const socket of held) socket.destroy();
  expect(await ask(bad, 'r')).toMatchObject({ end: 'reset' });
});
