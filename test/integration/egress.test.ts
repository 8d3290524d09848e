// Real clients through a whole egress to real servers.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/platform/processes.ts';
import { allow, createWorld, startOrigin, startRig, type Origin, type Rig, type World } from './egress-rig.ts';

const HOST = 'origin.example';
let world: World;
let origin: Origin;
let rig: Rig;

beforeAll(async () => {
  world = await createWorld();
  origin = await startOrigin(world, HOST, (request, response) => {
    let bytes = 0;
    request.on('data', (piece: Buffer) => (bytes += piece.length));
    request.on('end', () => {
      response.setHeader('x-seen-host', request.headers.host ?? '');
      response.end(`${request.method} ${request.url} ${bytes}\n`);
    });
  });
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: [allow(HOST), allow(HOST, { id: 'odd-port', port: undefined })],
    routes: [{ host: HOST, address: '127.0.0.1', port: origin.port }],
  });
});

afterAll(async () => {
  await rig?.close();
  await origin?.close();
});

function curl(...args: string[]) {
  return run('curl', ['-sS', '--max-time', '10', '--cacert', rig.caFile, ...args], {
    env: { PATH: process.env['PATH'] },
  });
}

test('curl gets an allowed page over CONNECT', async () => {
  const result = await curl('-x', `http://127.0.0.1:${rig.proxyPort}`, `https://${HOST}/hello?x=1`, '-i');
  expect(result.stderr).toBe('');
  expect(result.stdout.toString()).toContain('GET /hello?x=1 0');
  expect(rig.audit()).toContainEqual(expect.objectContaining({ decision: 'allow', host: HOST, path: '/hello?x=1' }));
});
