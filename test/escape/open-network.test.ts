// An open cage reaches the world, and nothing near: no SSH port, no registry of images by its name, no private network, not this
// machine, no other cage. What keeps it from them is out of its reach, and there with every start.
import { createServer, type Server } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCageState } from '../../src/cage/store.ts';
import { createCage, execInCage, listCages, restartCage, showCage } from '../../src/index.ts';
import { identifyProcess, run, signalProcess, waitForExit } from '../../src/platform/processes.ts';
import type { RunningState } from '../../src/cage/state.ts';
import { portOf } from '../integration/egress-rig.ts';
import { BACKEND, engineEnvironment } from '../support/backends.ts';
import { onHost, startTestCage, type Captured, type TestCage } from '../support/cage.ts';
import { pathOfTests } from '../support/engines.ts';
import { until } from '../support/sandbox.ts';
import { openWorld, type World } from '../support/world.ts';

const OPEN = { net: 'open' };

test.runIf(BACKEND === 'native')('a native cage cannot be open, and says what can', async () => {
  const closed = await startTestCage('closed');
  try {
    const options = { allow: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [], name: 'wish', ...OPEN };
    const refusal = { code: 'E_PROTECTION', hint: expect.stringContaining('--backend docker') };
    await expect(createCage(closed.context, closed.project, options)).rejects.toMatchObject(refusal);
    expect((await listCages(closed.context)).map(({ name }) => name)).toEqual(['closed']);
  } finally {
    await closed.remove();
  }
});

describe.skipIf(BACKEND === 'native')('an open cage', () => {
  let cage: TestCage;
  let other: TestCage;
  let world: World;
  let host: Server | undefined;
  let port = 0;

  beforeAll(async () => {
    world = await openWorld();
    [cage, other] = await Promise.all([
      startTestCage('open', { options: OPEN }),
      startTestCage('beside', { options: OPEN }),
    ]);
    const server = createServer((_request, response) => response.end('this machine'));
    host = server;
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    port = portOf(server);
  });
  afterAll(async () => {
    host?.close();
    await world.close();
    for (const made of [cage, other]) {
      await made.remove();
      const ours = `label=ironcage.data-root=${made.context.dataRoot}`;
      expect(await engine('ps', '--all', '--filter', ours, '--format', '{{.Names}}')).toBe('');
    }
  });

  const get = (url: string, ...options: readonly string[]): string => `curl -sS -m 5 ${options.join(' ')} ${url} 2>&1`;
  const send = (host_: string, port: number, bytes: string): string => `
import socket
try:
    s = socket.create_connection((${JSON.stringify(host_)}, ${port}), 5)
    s.sendall(${bytes})
    print(s.recv(64).decode() or 'closed')
except OSError as error:
    print('refused', error)
`;
  /** A ClientHello that asks for this name. */
  const hello = (name: string): string => `
import socket, ssl
out = ssl.MemoryBIO()
tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=${JSON.stringify(name)})
try:
    tls.do_handshake()
except ssl.SSLWantReadError:
    pass
${send(world.address, 443, 'out.read()')}`;
  const question = (name: string): string => `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
try:
    s.connect((${JSON.stringify(world.address)}, 53))
    s.send(bytes(12) + b''.join(bytes([len(l)]) + l.encode() for l in ${JSON.stringify(name)}.split('.')) + bytes([0, 0, 1, 0, 1]))
    print(s.recv(64).decode())
except OSError as error:
    print('refused', error)
`;

  test('reaches the world directly, and is told so wherever it is shown', async () => {
    expect((await cage.sh(get(`http://${world.address}/`))).stdout).toBe('world');
    expect((await cage.sh('env | grep -ci -E "proxy=|ironcage/ca"')).stdout).toBe('0');
    expect((await showCage(cage.context, cage.name)).exposure).toMatch(/^reaches the whole internet, unseen/);
  });

  test('ESC-OPEN-1: the SSH port of a machine that answers on others is closed to it', async () => {
    const dial = (port: number): string => send(world.address, port, `b'hello'`);
    expect((await onHost.python(dial(22))).stdout).toBe('world');
    expect((await cage.python(dial(443))).stdout).toBe('world');
    expect((await cage.python(dial(22))).stdout).toMatch(/^refused/);
  });

  test.each(['REGISTRY-1.DOCKER.IO', '123.dkr.ecr.eu-west-1.amazonaws.com'])(
    'ESC-OPEN-2: the registry %s is not had by its name, in TLS or HTTP',
    async (name) => {
      expect((await onHost.python(hello(name))).stdout).toBe('world');
      expect((await cage.python(hello('ghcr.example'))).stdout).toBe('world');
      expect((await cage.python(hello(name))).stdout).toMatch(/^refused/);
      const http = (wanted: string): string => get(`http://${wanted}/`, `--resolve '*:80:${world.address}'`);
      expect((await cage.sh(http('ghcr.example'))).stdout).toBe('world');
      expect((await cage.sh(http(name))).stdout).not.toContain('world');
    },
  );

  test.each(['Registry-1.Docker.IO'])('ESC-OPEN-3: nobody answers a question for %s', async (name) => {
    expect((await onHost.python(question(name))).stdout).toBe('world');
    expect((await cage.python(question('ghcr.example'))).stdout).toBe('world');
    expect((await cage.python(question(name))).stdout).toMatch(/^refused/);
  });

  test('ESC-OPEN-4: private and link-local networks are closed to it, and the metadata service with them', async () => {
    for (const address of [world.privateAddress, world.linkLocalAddress]) {
      expect((await onHost.sh(get(`http://${address}/`))).stdout, address).toBe('world');
      expect((await cage.sh(get(`http://${address}/`))).stdout, address).toMatch(/refused|Couldn't connect/);
    }
    expect((await cage.sh(get('http://169.254.169.254/'))).stdout).toMatch(/refused|Couldn't connect/);
  });

  test('ESC-OPEN-5: this machine is closed to it at every address', async () => {
    const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all);
    const own = addresses
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address }) => address);
    expect(own).not.toEqual([]);
    for (const address of [...own, '127.0.0.1', '192.0.0.1', '10.0.2.2']) {
      const ask = get(`http://${address}:${port}/`);
      if (own.includes(address)) expect((await onHost.sh(ask)).stdout).toBe('this machine');
      expect((await cage.sh(ask)).stdout, address).not.toContain('this machine');
    }
  });

  test('ESC-OPEN-6: two open cages cannot see one another by any address', async () => {
    const serve = `import socket; s = socket.create_server(('0.0.0.0', 8766)); open('/tmp/serving', 'w').close(); s.accept()[0].sendall(b'other')`;
    const served = other.exec(['/usr/bin/python3', '-c', serve]);
    await other.sh('until [ -e /tmp/serving ]; do :; done');
    const routers = await Promise.all(
      [cage, other].map(({ name, context }) => addressesOf(running({ name, context }))),
    );
    for (const address of new Set(['192.0.0.1', '192.0.0.2', ...routers.flat()])) {
      const seen = await cage.python(send(address, 8766, `b''`));
      expect(seen.stdout, address).toMatch(/^refused/);
    }
    // Nor does anybody else on the engine's network: a port of a router's is nobody's.
    for (const address of routers.flat().filter((each) => !each.startsWith('192.0.0.'))) {
      expect((await onHost.sh(`curl -s -m 1 telnet://${address}:8766 </dev/null`)).stdout).toBe('');
    }
    expect((await other.python(send('192.0.0.2', 8766, `b''`))).stdout).toBe('other');
    await served;
  });

  test('ESC-OPEN-7: it cannot change a rule, a route or a device, and sends no packet of its own making', async () => {
    const tries = `for c in 'ip link add x type dummy' 'ip route add 10.0.0.0/8 via 192.0.0.1' 'ip link set eth0 down' 'ip address add 10.9.9.9/8 dev eth0'; do $c 2>&1; done
      python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)' 2>&1 | tail -1`;
    const { stdout } = await cage.sh(tries);
    expect(stdout.match(/not permitted|denied/gi)?.length, stdout).toBe(5);
    expect((await cage.sh(get(`http://${world.address}/`))).stdout).toBe('world');
  });

  test('ESC-OPEN-8: a container that was started anew by hand reaches nothing, and the next command gives it its rules', async () => {
    const { init, container } = running(cage);
    await engine('restart', '--time', '0', container?.name ?? '');
    expect(await waitForExit(init, 60_000)).toBe(true);
    const byHand = [
      'exec',
      container?.name ?? '',
      'sh',
      '-c',
      `cut -d: -f1 -s /proc/net/dev | xargs; ${get(`http://${world.address}/`)}; true`,
    ];
    expect(await engine(...byHand)).toMatch(/^lo\n.*(unreachable|Couldn't connect)/i);
    expect((await enter('true')).exitCode).toBe(0);
    await isAsItWas();
  });

  test('ESC-OPEN-9: without its router it reaches nothing; another one takes its place, and what runs goes on', async () => {
    await cage.sh('sleep 300 >/dev/null 2>&1 &');
    const { egress: router, init } = running(cage);
    signalProcess(router, 'SIGKILL');
    expect(await waitForExit(router, 60_000)).toBe(true);
    // The kernel takes a network away a moment after the last process in it.
    await until('the network of the router to go', async () => {
      const { stdout } = await cage.sh(get(`http://${world.address}/`));
      return /unreachable|Couldn't connect/i.test(stdout);
    });
    expect((await enter('pgrep -xf "sleep 300"')).exitCode).toBe(0);
    expect(running(cage).init).toEqual(init);
    await isAsItWas();
  });

  test('ESC-OPEN-10: its rules are there after a restart', async () => {
    await restartCage(cage.context, cage.name);
    await isAsItWas();
  });

  async function isAsItWas(): Promise<void> {
    expect((await cage.sh(get(`http://${world.address}/`))).stdout).toBe('world');
    expect((await cage.python(send(world.address, 22, `b'hello'`))).stdout).toMatch(/^refused/);
    expect((await cage.python(hello('ghcr.io'))).stdout).toMatch(/^refused/);
    expect((await cage.sh(get(`http://${world.privateAddress}/`))).stdout).not.toContain('world');
  }

  const enter = (script: string): Promise<{ exitCode: number }> =>
    execInCage(cage.context, cage.name, { argv: ['/bin/sh', '-c', script] }, 'inherit');
});

function running({ context, name }: Pick<TestCage, 'context' | 'name'>): RunningState {
  const state = readCageState(context, name);
  if (state.phase !== 'running') throw new Error(`the cage is ${state.phase}`);
  return state;
}

/** Of the router, as the kernel has them: all but loopback. */
async function addressesOf({ egress, container }: RunningState): Promise<string[]> {
  const monitor = identifyProcess(egress.pid)?.parentPid;
  const user = container?.rootless === true ? ['--target', String(monitor), '--user', '--preserve-credentials'] : [];
  const args = [
    ...user,
    `--net=/proc/${egress.pid}/ns/net`,
    '--',
    'ip',
    '-o',
    '-4',
    'address',
    'show',
    'scope',
    'global',
  ];
  const { stdout }: Pick<Captured, 'stdout'> = await onHost.exec(['nsenter', ...args]);
  const addresses = [...stdout.matchAll(/inet ([\d.]+)/g)].flatMap(([, address]) => address ?? []);
  expect(addresses.length).toBeGreaterThan(1);
  return addresses;
}

async function engine(...args: readonly string[]): Promise<string> {
  const env = { PATH: pathOfTests(), ...engineEnvironment(BACKEND) };
  const { exitCode, stdout, stderr } = await run(BACKEND, args, { env, timeoutMs: 60_000 });
  expect(exitCode, stderr).toBe(0);
  return stdout.toString('utf8').trim();
}
