// An allowed destination is no way out by itself: what leads on from it is judged again, and what goes to it is looked into.
import { rmSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { secretSet } from '../../src/index.ts';
import { createWorld, startOrigin, type Origin } from '../integration/egress-rig.ts';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { escapeTests } from '../support/escape-case.ts';

const VALUE = ['tok', 'f00dcafe'.repeat(4)].join('_');

let cage: TestCage;
let origins: readonly Origin[];
let directory: string;
beforeAll(async () => {
  const world = await createWorld();
  const hosts = ['api.test', 'a.wild.test', 'registry.npmjs.org'];
  origins = await Promise.all(
    hosts.map((name) =>
      startOrigin(world, name, (request, response) => {
        const { url = '', method } = request;
        const to = new URL(url, `https://${name}`).searchParams.get('to');
        if (to !== null) response.writeHead(302, { location: to });
        request.resume().on('end', () => response.end(`${method} ${url} arrived`));
      }),
    ),
  );
  directory = mkdtempSync(join(tmpdir(), 'ironcage-world-'));
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  cage = await startTestCage('destinations', {
    prepare: async (_project, context) => {
      await secretSet(context, { name: 'SERVICE_TOKEN', value: VALUE, hosts: ['bound.test'] });
    },
    options: {
      allow: ['api.test', '*.wild.test', 'npm'],
      routes: hosts.map((host, index) => `${host}=127.0.0.1:${origins[index]?.port ?? 0},ca=${caFile}`),
      secrets: ['SERVICE_TOKEN'],
    },
  });
});
afterAll(async () => {
  await cage.remove();
  await Promise.all(origins.map((origin) => origin.close()));
  rmSync(directory, { recursive: true, force: true });
});

const curl = (...args: readonly string[]): string => `curl -sS -m 20 -g -w '\\n%{http_code}' ${args.join(' ')} 2>&1`;
const ARRIVES = { on: 'inside', script: curl('https://api.test/here'), shows: /GET \/here arrived\n200$/ } as const;
const refusedBy = (rule: string): RegExp => new RegExp(`"rule":"${rule}"[^]*\\n4\\d\\d$`);

/** Requests that never end, many at a time; then one that does. */
const flood = (count: number): string => `
import http.client, os, socket, ssl, time
held = []
for _ in range(${count}):
    one = socket.create_connection(('api.test', 80), 10)
    one.send(b'GET /slow HTTP/1.1\\r\\nHost: api.test\\r\\nX-A: ')
    held.append(one)
start = time.monotonic()
trust = ssl.create_default_context(cafile=os.environ['SSL_CERT_FILE'])
client = http.client.HTTPSConnection('api.test', context=trust, timeout=20)
client.request('GET', '/here')
print(client.getresponse().read().decode(), 'soon' if time.monotonic() - start < 5 else 'late')
`;

escapeTests(
  () => cage,
  [
    ...(
      [
        ['ESC-08a', 'another host', 'https://never.test/', '<default-deny>'],
        ['ESC-08b', 'an address of the metadata service', 'http://169.254.169.254/latest/', '<metadata>'],
        ['ESC-08c', 'loopback', 'http://127.0.0.1/', '<address>'],
      ] as const
    ).map(([id, where, to, rule]) => ({
      id,
      attempt: `a redirect of an allowed host to ${where} is followed by the client alone, and judged anew`,
      script: curl('-L', `'https://api.test/start?to=${encodeURIComponent(to)}'`),
      fails: refusedBy(rule),
      control: {
        on: 'inside' as const,
        script: curl('-L', "'https://api.test/start?to=/next'"),
        shows: /GET \/next arrived\n200$/,
      },
    })),
    {
      id: 'ESC-15a',
      attempt: 'a wildcard covers no name that only ends alike, nor the name itself',
      script: ['evilwild.test', 'wild.test', 'a.wild.test.never.test', 'a.b.wild.test.never.test']
        .map((host) => curl(`https://${host}/`))
        .join('; '),
      fails: /^([^]*"rule":"<default-deny>"[^]*\n403){4}$/,
      control: { on: 'inside', script: curl('https://a.wild.test/'), shows: /arrived\n200$/ },
    },
    {
      id: 'ESC-31',
      attempt: 'a header that stands for another method does not change what a rule sees',
      script: curl('-H', "'X-HTTP-Method-Override: DELETE'", 'https://api.test/here'),
      fails: refusedBy('<method>'),
      control: ARRIVES,
    },
    {
      id: 'ESC-33a',
      attempt: 'hundreds of requests that never end keep nobody else from the egress',
      script: flood(400),
      language: 'python',
      fails: /^GET \/here arrived soon$/,
      control: { on: 'inside', script: flood(0), shows: /^GET \/here arrived soon$/ },
    },
    {
      id: 'ESC-36',
      attempt: 'nothing is published to a registry that may be read',
      script: curl('-X', 'PUT', '-d', "'{}'", 'https://registry.npmjs.org/stolen'),
      fails: refusedBy('<default-deny>'),
      control: { on: 'inside', script: curl('https://registry.npmjs.org/left-pad'), shows: /arrived\n200$/ },
    },
    ...['image/png', 'application/octet-stream', 'text/plain'].map((type, index) => ({
      id: `ESC-41${'abc'[index] ?? ''}`,
      attempt: `a body that calls itself ${type} is looked into: a placeholder in base64 is refused`,
      script: `printf %s "$SERVICE_TOKEN" | base64 -w0 > /tmp/body; ${curl('-H', `'content-type: ${type}'`, '--data-binary', '@/tmp/body', 'https://api.test/up')}`,
      fails: refusedBy('<placeholder>'),
      control: {
        on: 'inside' as const,
        script: curl('-H', `'content-type: ${type}'`, '--data-binary', 'harmless', 'https://api.test/up'),
        shows: /POST \/up arrived\n200$/,
      },
    })),
  ],
);
