// Real clients through a whole egress to real servers: what is allowed arrives, what is not is explained.
import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findProgram, run } from '../../src/platform/processes.ts';
import { allow, createWorld, startOrigin, startRig, type Origin, type Rig, type World } from './egress-rig.ts';

const HOST = 'origin.example';
const DENIED = 'denied.example';
let world: World;
let origin: Origin;
let plainOrigin: Origin;
let rig: Rig;

beforeAll(async () => {
  world = await createWorld();
  origin = await startOrigin(world, HOST, (request, response) => {
    if (request.url?.startsWith('/repository.git/info/refs')) {
      // The oldest of git's protocols: a plain list.
      response.end(`${'0123456789'.repeat(4)}\trefs/heads/main\n`);
      return;
    }
    const bare = /^\/bare\/(204|304)$/.exec(request.url ?? '')?.[1];
    if (bare !== undefined) {
      // A 304 has the length of what it stands for, and no body.
      response.writeHead(Number(bare), bare === '304' ? { 'Content-Length': 99, ETag: '"a"' } : {}).end();
      return;
    }
    if (request.url === '/part') {
      const fields = { 'Content-Range': 'bytes 2-5/10', 'X-Range': request.headers.range ?? 'none' };
      response.writeHead(206, fields).end('2345');
      return;
    }
    let bytes = 0;
    request.on('data', (piece: Buffer) => (bytes += piece.length));
    request.on('end', () => {
      response.setHeader('Alt-Svc', 'h3=":443"');
      response.setHeader('X-Fields', JSON.stringify(request.rawHeaders));
      if (request.url === '/head') response.setHeader('Content-Length', 1234);
      if (request.url === '/chunked') response.write('in two ');
      response.end(`${request.method} ${request.url} ${bytes}\n`);
    });
  });
  plainOrigin = await startOrigin(undefined, HOST, (request, response) => {
    response.end(`plain ${request.url} ${request.headers.host}\n`);
  });
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: (port) => [
      allow(HOST, { methods: ['GET', 'HEAD', 'POST', 'PUT'] }),
      allow(HOST, { id: 'odd-port', port }),
      allow('plain.example', { scheme: 'http' }),
      allow('plain.example', { id: 'plain-odd', scheme: 'http', port }),
    ],
    routes: [
      { host: HOST, address: '127.0.0.1', port: origin.port },
      { host: 'plain.example', address: '127.0.0.1', port: plainOrigin.port },
    ],
  });
});

afterAll(async () => {
  await rig?.close();
  await Promise.all([origin?.close(), plainOrigin?.close()]);
});

async function curl(...args: string[]) {
  const argv = ['-sS', '--http1.1', '--max-time', '20', '--cacert', rig.caFile, ...args];
  const result = await run('curl', argv, { env: { PATH: process.env['PATH'] } });
  return { out: result.stdout.toString(), err: result.stderr, code: result.exitCode };
}

const proxied = () => ['-x', `http://127.0.0.1:${rig.proxyPort}`];
const transparent = (host: string) => ['--resolve', `${host}:${rig.port}:127.0.0.1`];

test('curl gets an allowed page over CONNECT', async () => {
  const { out } = await curl(...proxied(), `https://${HOST}/hello?x=1`);
  expect(out).toBe('GET /hello?x=1 0\n');
  const decision = rig.audit().find((line) => line.path === '/hello?x=1');
  expect(decision).toMatchObject({ decision: 'allow', rule: `allow:${HOST}`, host: HOST, port: 443, bytesIn: 0 });
  const end = () => rig.audit().find((line) => line.end?.of === decision?.seq);
  await expect.poll(end).toMatchObject({ bytesIn: 17, end: { status: 200, outcome: 'complete' } });
});

test('curl gets an allowed page where every address leads to the egress', async () => {
  const { out } = await curl(...transparent(HOST), `https://${HOST}:${rig.port}/direct`);
  expect(out).toBe('GET /direct 0\n');
});

test('plain HTTP works over the proxy and directly', async () => {
  expect((await curl(...proxied(), 'http://plain.example/a')).out).toBe('plain /a plain.example\n');
  const direct = await curl(...transparent('plain.example'), `http://plain.example:${rig.port}/b`);
  expect(direct.out).toBe(`plain /b plain.example:${rig.port}\n`);
});

test.each([
  ['a body with a length', ['--data-binary', '@package.json']],
  ['a chunked body', ['--data-binary', '@package-lock.json', '-H', 'Transfer-Encoding: chunked']],
  ['a body that waits for 100 Continue', ['-T', 'package-lock.json', '-H', 'Expect: 100-continue']],
  ['an empty body', ['-X', 'POST', '-H', 'Content-Length: 0']],
])('%s arrives whole', async (_, args) => {
  const { statSync } = await import('node:fs');
  const file = args.find((arg) => arg.includes('package'))?.replace('@', '');
  const size = file === undefined ? 0 : statSync(file).size;
  const { out, err } = await curl(...proxied(), ...args, `https://${HOST}/up`);
  expect(err).toBe('');
  expect(out).toMatch(new RegExp(`^(POST|PUT) /up ${size}\n$`));
});

test('HEAD has no body and the length of one', async () => {
  const { out } = await curl(...proxied(), '-I', `https://${HOST}/head`);
  expect(out).toContain('HTTP/1.1 200 OK');
  expect(out).toContain('Content-Length: 1234');
});

test.each(['--http1.1', '--http2'])('answers without a body end where their head ends: %s', async (version) => {
  const asked = ['204', '304'].flatMap((status) => [`https://${HOST}/bare/${status}`, `https://${HOST}/next`]);
  const shows = ['-w', '%{http_code} %{num_connects}\\n', '-H', 'If-None-Match: "a"'];
  const { out, err } = await curl(...proxied(), version, ...shows, ...asked);
  expect(err).toBe('');
  expect(out).toBe('204 1\nGET /next 0\n200 0\n304 0\nGET /next 0\n200 0\n');
});

test.each(['--http1.1', '--http2'])('a part of a body is asked for and arrives as a part: %s', async (version) => {
  const { out } = await curl(...proxied(), version, '-i', '-r', '2-5', `https://${HOST}/part`);
  expect(out).toContain(version === '--http2' ? 'HTTP/2 206' : 'HTTP/1.1 206');
  expect(out.toLowerCase()).toContain('content-range: bytes 2-5/10');
  expect(out.toLowerCase()).toContain('x-range: bytes=2-5');
  expect(out).toMatch(/\n2345$/);
});

test('a chunked response arrives whole, without Alt-Svc, and hop-by-hop fields stay behind', async () => {
  const args = ['-i', '-H', 'Connection: keep-alive, X-Hop', '-H', 'X-Hop: 1', '-H', 'TE: trailers', '-H', 'X-End: 2'];
  const { out } = await curl(...proxied(), ...args, `https://${HOST}/chunked`);
  expect(out).toContain('in two GET /chunked 0');
  expect(out.toLowerCase()).not.toContain('alt-svc');
  expect(out).toContain('X-End');
  expect(out).not.toContain('X-Hop');
});

test('one connection serves many requests, allowed and refused in turn', async () => {
  const { out } = await curl(
    ...proxied(),
    '-w',
    '%{num_connects} %{http_code}\n',
    ...['/1', '/2', '/3'].map((path) => `https://${HOST}${path}`),
  );
  expect(out).toMatch(/GET \/1 0\n1 200\nGET \/2 0\n0 200\nGET \/3 0\n0 200/);
  const denied = ['/1', '/2'].map((path) => `https://${DENIED}${path}`);
  const refused = await curl(...proxied(), '-w', '%{num_connects} %{http_code}\n', '-o', '/dev/null', ...denied);
  expect(refused.out.split('\n').at(-2)).toBe('0 403');
});

test('a refusal over TLS explains itself with a certificate for the name that was asked for', async () => {
  const { out, code } = await curl(...proxied(), '-i', `https://${DENIED}/steal?data=1`);
  expect(code).toBe(0);
  expect(out).toContain('HTTP/1.1 403 Forbidden');
  expect(JSON.parse(out.split('\r\n\r\n').at(-1) ?? '')).toMatchObject({
    error: 'refused',
    blockedBy: 'ironcage',
    rule: '<default-deny>',
    method: 'GET',
    host: DENIED,
    path: '/steal?data=1',
    remedy: "ironcage policy allow 'GET denied.example/steal'",
  });
  expect(rig.audit()).toContainEqual(
    expect.objectContaining({ decision: 'deny', host: DENIED, path: '/steal?data=1' }),
  );
});

test('a refused upload is answered before its body is read', async () => {
  const { out } = await curl(...proxied(), '-i', '-T', 'package-lock.json', `https://${DENIED}/up`);
  expect(out).toContain('403 Forbidden');
  expect(out).toContain('Connection: close');
  const expecting = await curl(
    ...proxied(),
    '-i',
    '-T',
    'package-lock.json',
    '-H',
    'Expect: 100-continue',
    `https://${DENIED}/`,
  );
  expect(expecting.out).not.toContain('100 Continue');
  expect(expecting.out).toContain('403 Forbidden');
});

test.each([
  ['a Host header that is not the TLS name', ['-H', 'Host: denied.example'], HOST],
  ['a Host header with another port', ['-H', `Host: ${HOST}:8443`], HOST],
  ['a Host header with user info', ['-H', `Host: me@${HOST}`], HOST],
])('%s is misdirected', async (_, args, host) => {
  const { out } = await curl(...proxied(), '-i', ...args, `https://${host}/x`);
  expect(out).toContain('HTTP/1.1 421');
  expect(JSON.parse(out.split('\r\n\r\n').at(-1) ?? '')).toMatchObject({ rule: '<authority>' });
});

test('the TLS name inside a tunnel must be the tunnel’s', async () => {
  const { out } = await curl(...proxied(), '-i', '--connect-to', `${HOST}:443:${DENIED}:443`, `https://${HOST}/x`);
  expect(out).toContain('HTTP/1.1 421');
  expect(out).toContain('the CONNECT target says denied.example');
});

test('an address literal needs a rule of its own', async () => {
  const { out } = await curl(...proxied(), '-i', 'https://192.0.2.7/x');
  expect(out).toContain('HTTP/1.1 403');
  expect(rig.audit()).toContainEqual(expect.objectContaining({ host: '192.0.2.7', decision: 'deny' }));
});

test('a client without a server name is taken at its Host header where it connected to no name', async () => {
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: rig.port,
      ca: rig.caPem,
      checkServerIdentity: () => undefined,
    });
    socket.write(`GET /nosni HTTP/1.1\r\nHost: 127.0.0.1:${rig.port}\r\nConnection: close\r\n\r\n`);
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += String(bytes)));
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
  expect(answer).toContain('HTTP/1.1 403');
  expect(answer).toContain('"host":"127.0.0.1"');
});

test('a client that does not trust the cage’s authority is recorded', async () => {
  const result = await run('curl', ['-sS', ...proxied(), `https://${HOST}/`], { env: { PATH: process.env['PATH'] } });
  expect(result.exitCode).toBe(60);
  await expect.poll(() => rig.audit().some((line) => line.rule === '<tls>')).toBe(true);
});

test('a connection has one TLS handshake: a client that begins another is not served', async () => {
  const speaking = async (isTwice: boolean): Promise<string> => {
    const options = {
      host: '127.0.0.1',
      port: rig.port,
      servername: HOST,
      ca: rig.caPem,
      maxVersion: 'TLSv1.2',
    } as const;
    const socket = connectTls(options);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', (error) => (text += error.message));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await once(socket, 'secureConnect');
    const ask = () => socket.write(`GET /again HTTP/1.1\r\nHost: ${HOST}:${rig.port}\r\nConnection: close\r\n\r\n`);
    if (isTwice) socket.renegotiate({}, ask);
    else ask();
    await closed;
    return text;
  };
  expect(await speaking(false)).toContain('200 OK');
  expect(await speaking(true)).toMatch(/no.renegotiation/i);
});

test('Node speaks through it, on kept connections', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const path of ['/n1', '/n2']) {
    const text = await new Promise<string>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: rig.port,
        servername: HOST,
        ca: rig.caPem,
        agent,
        path,
        method: 'PUT',
      };
      const call = httpsRequest({ ...options, headers: { host: `${HOST}:${rig.port}` } }, (response) => {
        let body = '';
        response.on('data', (bytes: Buffer) => (body += String(bytes)));
        response.on('end', () => resolve(body));
      });
      call.on('error', reject);
      call.end('12345');
    });
    expect(text).toBe(`PUT ${path} 5\n`);
  }
  agent.destroy();
});

const path = process.env['PATH'];
const clientEnv = () => {
  const proxy = `http://127.0.0.1:${rig.proxyPort}`;
  return { PATH: path, https_proxy: proxy, http_proxy: proxy, SSL_CERT_FILE: rig.caFile, GIT_SSL_CAINFO: rig.caFile };
};

// Before 3.12 it sends CONNECT as HTTP/1.0 and without a Host header.
test.skipIf(findProgram('python3', path) === undefined)('Python speaks through it (needs python3)', async () => {
  const script = `import urllib.request as r; print(r.urlopen('https://${HOST}/python').read().decode(), end='')`;
  const result = await run('python3', ['-c', script], { env: clientEnv() });
  expect(result.stderr).toBe('');
  expect(result.stdout.toString()).toBe('GET /python 0\n');
});

test('git speaks through it, and shows the reason of a refusal', async () => {
  const listed = await run('git', ['ls-remote', `https://${HOST}/repository.git`], { env: clientEnv() });
  expect(listed.stdout.toString()).toBe(`${'0123456789'.repeat(4)}\trefs/heads/main\n`);
  const refused = await run('git', ['ls-remote', `https://${DENIED}/repository.git`], { env: clientEnv() });
  expect(refused.stderr).toContain('403');
});

test('new settings count from the next request on, also on a connection that is open', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const statusOf = () =>
    new Promise<number | undefined>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: rig.port, servername: HOST, ca: rig.caPem, agent, path: '/live' };
      const call = httpsRequest({ ...options, headers: { host: `${HOST}:${rig.port}` } }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      call.on('error', reject);
      call.end();
    });
  expect(await statusOf()).toBe(200);
  const { generation, policy, bindings, secretValues, routes } = rig.config;
  rig.egress.apply({ generation: generation + 1, policy: { mode: 'none', rules: [] }, bindings, secretValues, routes });
  expect(await statusOf()).toBe(403);
  expect(() => rig.egress.apply({ generation: 2, policy, bindings, secretValues, routes })).toThrow('is not newer');
  rig.egress.apply({ generation: generation + 2, policy, bindings, secretValues, routes });
  expect(await statusOf()).toBe(200);
  agent.destroy();
});
