// Real clients in a real cage: each reaches what a rule allows with its own TLS, its own trust store and its own idea of
// HTTP, and is refused what no rule allows. The world is on loopback, but for npm and apt, which go to their registries.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CALLS, GIT, INDEX, SOCKETS, startClientWorld, WEB, type ClientWorld } from '../support/client-world.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const CAGE = 'clients';
const MODULES = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules');
/** Where the cage sees the packages that this test's own clients are from. */
const INSIDE_MODULES = '/test-modules';
const REFUSED = 'refused.example';

let sandbox: Sandbox;
let world: ClientWorld;

beforeAll(async () => {
  sandbox = openSandbox();
  world = await startClientWorld();
  const project = sandbox.project('p', CLIENTS);
  const rules = [
    `GET,POST,PUT ${WEB}`,
    `${WEB} websocket`,
    `GET ${SOCKETS} websocket`,
    `POST ${CALLS}`,
    `GET ${INDEX}`,
  ];
  const git = [`GET ${GIT}/team/tool.git/info/refs`, `POST ${GIT}/team/tool.git/git-upload-pack`];
  git.push(`POST ${GIT}/team/tool.git/git-receive-pack push=refs/heads/agent/*`);
  const allow = [...rules, ...git, 'npm', 'apt'].flatMap((rule) => ['--allow', rule]);
  const mount = ['--mount', `${MODULES}:${INSIDE_MODULES}:ro`, '--env', `NODE_PATH=${INSIDE_MODULES}`];
  const created = await sandbox.run(['create', project, '--name', CAGE, ...allow, ...mount, ...world.routes]);
  expect(created.stderr).not.toContain('error[');
  expect((await sandbox.run(['start', CAGE])).exitCode).toBe(0);
});

afterAll(async () => {
  await sandbox?.close();
  await world?.close();
});

function inside(...argv: string[]): Promise<CliResult> {
  return sandbox.run(['exec', CAGE, '--', ...argv]);
}

function shell(script: string): Promise<CliResult> {
  return inside('sh', '-c', script);
}

test.each([
  ['HTTP/1.1, without a proxy', ['--noproxy', '*', '--http1.1'], '1.1'],
  ['HTTP/2, without a proxy', ['--noproxy', '*', '--http2'], '2.0'],
  ['HTTP/1.1, through the proxy', ['--http1.1'], '1.1'],
  ['HTTP/2, through the proxy', ['--http2'], '2.0'],
])('curl over %s', async (_, options, version) => {
  const curl = ['curl', '-sS', '--max-time', '20', ...options];
  const answer = await inside(...curl, `https://${WEB}/curl?x=1`);
  expect(answer.stdout).toContain(`GET /curl?x=1 over ${version}, 0 bytes`);
  const refused = await inside(...curl, '-o', '/dev/null', '-w', '%{http_code}', `https://${REFUSED}/`);
  expect(refused.stdout).toBe('403');
  const upload = await shell(
    `head -c 3000000 /dev/zero | ${curl.map((word) => `'${word}'`).join(' ')} -T - https://${WEB}/up`,
  );
  expect(upload.stdout).toContain(`PUT /up over ${version}, 3000000 bytes`);
});

/** Programs and modules that the machine may lack; `scripts/setup.mjs --tests` installs them as root. */
const lacks = (...paths: readonly string[]) => !paths.every((path) => existsSync(path));
const PYTHON = '/usr/lib/python3/dist-packages';

test.skipIf(lacks('/usr/bin/wget'))('wget', async () => {
  expect((await inside('wget', '-qO-', `https://${WEB}/wget`)).stdout).toContain('GET /wget over 1.1');
  expect((await inside('wget', '-qO-', `https://${REFUSED}/`)).exitCode).toBe(8);
});

test('git clones what may be fetched, pushes the branches that it may, and no other', async () => {
  const url = `https://${GIT}/team/tool.git`;
  const cloned = await shell(`cd && rm -rf tool && git clone -q ${url} tool && cat tool/tool.txt`);
  expect(cloned.stdout).toBe('from the world\n');
  const before = world.references();
  await shell('cd ~/tool && git config user.name a && git config user.email a@b && git commit -q --allow-empty -m x');
  const push = (...references: string[]) => shell(`cd ~/tool && git push origin ${references.join(' ')}`);
  for (const refused of [['HEAD:refs/heads/main'], ['HEAD:refs/heads/agent/y', 'HEAD:refs/heads/main']]) {
    const pushed = await push(...refused);
    expect(pushed.exitCode).not.toBe(0);
    expect(pushed.stderr).toContain('403');
    expect(world.references()).toEqual(before);
  }
  expect((await push('HEAD:refs/heads/agent/x')).exitCode).toBe(0);
  expect(world.references()).toEqual(['refs/heads/agent/x', ...before]);
  const large = 'head -c 3000000 /dev/urandom > big && git add big && git commit -q -m big';
  await shell(`cd ~/tool && ${large}`);
  expect((await push('HEAD:refs/heads/agent/x')).exitCode).toBe(0);
  expect((await push('HEAD:refs/heads/main')).stderr).toContain('403');
  const audit = await sandbox.run(['audit', CAGE, '--json', '--host', GIT]);
  expect(audit.stdout).toContain('"rule":"<git-push>"');
});

test.skipIf(lacks('/usr/bin/pip3', `${PYTHON}/requests`))(
  'pip installs from an index, and requests reads it',
  async () => {
    const index = `https://${INDEX}/simple/`;
    const install = `python3 -m pip install -q --no-cache-dir --target ~/py --index-url ${index} caged-demo 2>&1`;
    const installed = await shell(
      `${install}; PYTHONPATH=~/py python3 -c 'import caged_demo; print(caged_demo.ANSWER)'`,
    );
    expect(installed.stdout).toContain('42');
    const script = `import requests; print(requests.get('https://${WEB}/requests').text, requests.post('https://${REFUSED}/').status_code)`;
    const asked = await inside('python3', '-c', script);
    expect(asked.stdout).toContain('GET /requests over 1.1');
    expect(asked.stdout).toContain('403');
  },
);

test.each([
  ['Node’s fetch', 'fetch.mjs', 'GET /fetch over 1.1'],
  ['undici, over HTTP/2', 'undici.cjs', 'GET /undici over 2.0'],
  ['Node’s https, an event stream', 'events.cjs', 'data: one\n\ndata: two'],
  ['ws', 'ws.cjs', 'hello hello'],
  ['gRPC', 'grpc.cjs', 'echo first,echo second,status 0'],
  ['Python’s websockets', 'sockets.py', 'hello from python'],
])('%s', async (_, program, expected) => {
  if (program === 'sockets.py' && lacks(`${PYTHON}/websockets`)) return;
  const interpreter = program.endsWith('.py') ? 'python3' : 'node';
  const result = await inside(interpreter, program);
  expect(result.stderr).toBe('');
  expect(result.stdout).toContain(expected);
});

test.skipIf(lacks('/usr/bin/java'))('Java’s HttpClient, with Java’s own trust store', async () => {
  const result = await inside('java', '-Djava.net.useSystemProxies=false', 'Client.java');
  expect(result.stdout).toContain('GET /java over 2.0');
  expect(result.stdout).toContain('refused 403');
});

test.skipIf(lacks('/usr/bin/chromium'))(
  'Chromium shows a page, and the refusal of another',
  async () => {
    const chromium = (url: string) =>
      inside(
        'timeout',
        '60',
        'chromium',
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--dump-dom',
        url,
      );
    expect((await chromium(`https://${WEB}/page`)).stdout).toContain('GET /page over');
    expect((await chromium(`https://${REFUSED}/`)).stdout).toContain('blockedBy');
  },
  130_000,
);

test('npm and apt fetch from their registries', async () => {
  const npm = await shell(
    'mkdir -p ~/n && cd ~/n && npm init -y >/dev/null && npm install --no-audit --no-fund is-odd@3.0.1 2>&1',
  );
  expect(npm.stdout).toContain('added');
  const apt = [
    'set -e; D=$(mktemp -d); mkdir -p $D/state/lists/partial $D/cache/archives/partial $D/etc; touch $D/status',
    'echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" > $D/etc/sources.list',
    'O="-o Dir::State=$D/state -o Dir::State::status=$D/status -o Dir::Cache=$D/cache -o Dir::Etc::sourcelist=$D/etc/sources.list -o Dir::Etc::sourceparts=/dev/null -o Debug::NoLocking=1 -o APT::Sandbox::User="',
    'apt-get $O update -qq; cd $D; apt-get $O download -qq hello; ls *.deb',
  ].join('\n');
  const downloaded = await shell(apt);
  expect(downloaded.stdout).toMatch(/hello_.*\.deb/);
});

test('the audit knows each of them', async () => {
  const records = (await sandbox.run(['audit', CAGE, '--json', '-n', '100000'])).records();
  const text = JSON.stringify(records);
  for (const host of [WEB, SOCKETS, CALLS, GIT, INDEX, REFUSED, 'registry.npmjs.org', 'deb.debian.org']) {
    expect(text).toContain(`"host":"${host}"`);
  }
  expect((await sandbox.run(['audit', CAGE, '--verify'])).exitCode).toBe(0);
});

test('the traffic comes out as one HAR document, refusals and WebSocket messages included', async () => {
  const file = join(sandbox.directory, 'traffic.har');
  const written = await sandbox.run(['har', CAGE, '-o', file, '--json']);
  expect(written.json()).toMatchObject({ cage: CAGE, file, entries: expect.any(Number) });
  const { log }: { log: { version: string; creator: object; entries: { request: { url: string } }[] } } = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  expect(log).toMatchObject({ version: '1.2', creator: { name: 'ironcage' } });
  for (const entry of log.entries) expect(entry).toMatchObject(HAR_ENTRY);
  const urls = log.entries.map(({ request }) => request.url);
  expect(urls).toContain(`https://${WEB}/fetch`);
  const find = (url: string) => log.entries[urls.indexOf(url)];
  expect(find(`https://${WEB}/fetch`)).toMatchObject({
    request: { headers: expect.arrayContaining([{ name: 'user-agent', value: 'node' }]) },
    response: { status: 200, content: { mimeType: 'text/html', text: expect.stringContaining('GET /fetch') } },
  });
  expect(find(`https://${REFUSED}/`)).toMatchObject({
    response: { status: 403 },
    comment: expect.stringContaining('<default-deny>'),
  });
  expect(find(`https://${SOCKETS}/chat`)).toMatchObject({
    _resourceType: 'websocket',
    _webSocketMessages: [
      { type: 'send', opcode: 1, data: expect.stringMatching(/^hello hello/) },
      { type: 'receive', opcode: 1, data: expect.stringMatching(/^hello hello/) },
    ],
  });
  const piped = await sandbox.run(['har', CAGE, '--host', SOCKETS, '-n', '1']);
  expect(JSON.parse(piped.stdout)).toMatchObject({ log: { entries: [{ _resourceType: 'websocket' }] } });
});

/** What HAR 1.2 demands of every entry. */
const HAR_ENTRY = {
  startedDateTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  time: expect.any(Number),
  request: {
    method: expect.any(String),
    url: expect.stringMatching(/^https?:/),
    httpVersion: expect.any(String),
    cookies: expect.any(Array),
    headers: expect.any(Array),
    queryString: expect.any(Array),
    headersSize: expect.any(Number),
    bodySize: expect.any(Number),
  },
  response: {
    status: expect.any(Number),
    statusText: expect.any(String),
    httpVersion: expect.any(String),
    cookies: expect.any(Array),
    headers: expect.any(Array),
    content: { size: expect.any(Number), mimeType: expect.any(String) },
    redirectURL: expect.any(String),
    headersSize: expect.any(Number),
    bodySize: expect.any(Number),
  },
  cache: {},
  timings: { send: expect.any(Number), wait: expect.any(Number), receive: expect.any(Number) },
};

/** Programs of the project, run inside. */
const CLIENTS: Readonly<Record<string, string>> = {
  'README.md': 'clients\n',
  'fetch.mjs': `const answer = await fetch('https://${WEB}/fetch'); console.log(await answer.text());\n`,
  'undici.cjs': `
const { Agent, request } = require('undici');
(async () => {
  const dispatcher = new Agent({ allowH2: true });
  const { body } = await request('https://${WEB}/undici', { dispatcher });
  console.log(await body.text());
  await dispatcher.close();
})();\n`,
  'events.cjs': `require('https').get('https://${WEB}/events', (answer) => answer.pipe(process.stdout));\n`,
  'ws.cjs': `
const WebSocket = require('ws');
const socket = new WebSocket('wss://${SOCKETS}/chat', { perMessageDeflate: true });
socket.on('open', () => socket.send('hello '.repeat(2000)));
socket.on('message', (data) => { console.log(String(data).slice(0, 12)); socket.close(); });
socket.on('error', (error) => { console.error(error); process.exit(1); });\n`,
  'grpc.cjs': `
const { Client, credentials } = require('@grpc/grpc-js');
const { readFileSync } = require('fs');
delete process.env.https_proxy; delete process.env.HTTPS_PROXY;
const client = new Client('${CALLS}:443', credentials.createSsl(readFileSync(process.env.SSL_CERT_FILE)));
const plain = (value) => value;
const call = client.makeBidiStreamRequest('/test.Echo/Echo', plain, plain);
const seen = [];
call.on('data', (message) => { seen.push(String(message)); if (seen.length === 1) call.write(Buffer.from('second')); else call.end(); });
call.on('status', ({ code }) => { console.log([...seen, 'status ' + code].join()); client.close(); });
call.on('error', (error) => console.error(error.message));
call.write(Buffer.from('first'));\n`,
  'sockets.py': `
import asyncio, websockets
async def main():
    async with websockets.connect('wss://${SOCKETS}/chat') as socket:
        await socket.send('hello from python')
        print(await socket.recv())
asyncio.run(main())\n`,
  'Client.java': `
import java.net.URI;
import java.net.http.*;
public class Client {
  static HttpResponse<String> get(String url) throws Exception {
    return HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString());
  }
  public static void main(String[] args) throws Exception {
    System.out.println(get("https://${WEB}/java").body());
    System.out.println("refused " + get("https://${REFUSED}/").statusCode());
  }
}\n`,
};
