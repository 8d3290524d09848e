// A piece of the internet for open cages: a network of its own, one wire away from this machine, with servers at a public, a private and
// a link-local address. Only root can make it; who runs tests for another user hands its addresses on.
import { spawn } from 'node:child_process';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { run } from '../../src/platform/processes.ts';
import { pathOfTests } from './engines.ts';
import { until } from './sandbox.ts';

export interface World {
  /** Of a documentation range, which counts as public. */
  address: string;
  privateAddress: string;
  linkLocalAddress: string;
  close(): Promise<void>;
}

/** By which a runner of another user's is told of one that is there. */
export const WORLD_VARIABLE = 'IRONCAGE_TEST_WORLD';

/** Port 80: HTTP that says `world`. 22 and 443: whatever is sent is answered by `world`. 53: so is a datagram. */
const SERVERS = `
const net = require('node:net'), http = require('node:http'), dgram = require('node:dgram');
http.createServer((request, response) => response.end('world')).listen(80, '0.0.0.0');
for (const port of [22, 443]) net.createServer((socket) => { socket.on('error', () => {}); socket.once('data', () => socket.end('world')); }).listen(port, '0.0.0.0');
const udp = dgram.createSocket('udp4');
udp.on('message', (bytes, from) => udp.send('world', from.port, from.address));
udp.bind(53, '0.0.0.0');
`;

export async function openWorld(): Promise<World> {
  const given = hostEnvironment()[WORLD_VARIABLE];
  const slot = given === undefined ? await takeSlot() : Number(given);
  const [near, far] = [slot * 4 + 1, slot * 4 + 2];
  const prefixes = ['198.51.100', '10.231.77', '169.254.77'];
  const [address = '', privateAddress = '', linkLocalAddress = ''] = prefixes.map((prefix) => `${prefix}.${far}`);
  const addresses = { address, privateAddress, linkLocalAddress };
  if (given !== undefined) return { ...addresses, close: () => Promise.resolve() };
  const name = nameOf(slot);
  const wire = `icw${slot}`;
  const inside = ['ip', 'netns', 'exec', name];
  const undo = async (): Promise<void> => {
    await run('ip', ['netns', 'delete', name], { env: { PATH: pathOfTests() } });
    await run('ip', ['link', 'delete', wire], { env: { PATH: pathOfTests() } });
  };
  try {
    await must('ip', 'link', 'add', wire, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    for (const prefix of prefixes) {
      await must('ip', 'address', 'add', `${prefix}.${near}/30`, 'dev', wire);
      await must(...inside, 'ip', 'address', 'add', `${prefix}.${far}/30`, 'dev', 'eth0');
    }
    await must('ip', 'link', 'set', wire, 'up');
    await must(...inside, 'ip', 'link', 'set', 'eth0', 'up');
    await must(...inside, 'ip', 'route', 'add', 'default', 'via', `${prefixes[0]}.${near}`);
  } catch (error) {
    await undo();
    throw error;
  }
  const server = spawn('ip', [...inside.slice(1), process.execPath, '-e', SERVERS], {
    env: { PATH: pathOfTests() },
    stdio: 'ignore',
  });
  const world: World = {
    ...addresses,
    async close() {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      if (server.exitCode === null && server.kill('SIGKILL')) await ended;
      await undo();
    },
  };
  await until('the world to answer', async () => {
    const asked = await run('curl', ['-sS', '-m', '2', '--noproxy', '*', `http://${address}/`], {
      env: { PATH: pathOfTests() },
    });
    return asked.stdout.toString('utf8') === 'world';
  });
  return world;
}

/** The kernel gives a name once: two files at a time have two worlds. */
async function takeSlot(): Promise<number> {
  for (const slot of Array.from({ length: 64 }, (_, index) => index)) {
    const taken = await run('ip', ['netns', 'add', nameOf(slot)], { env: { PATH: pathOfTests() }, timeoutMs: 20_000 });
    if (taken.exitCode === 0) return slot;
  }
  throw new Error('no name is left for a network');
}

function nameOf(slot: number): string {
  return `ironcage-world-${slot}`;
}

/** For WORLD_VARIABLE. */
export function worldNumber({ address }: World): string {
  return String((Number(address.split('.').at(-1)) - 2) / 4);
}

async function must(...argv: readonly string[]): Promise<void> {
  const [program = '', ...args] = argv;
  const { exitCode, stderr } = await run(program, args, { env: { PATH: pathOfTests() }, timeoutMs: 20_000 });
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
}
