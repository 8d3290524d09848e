// Rules that come from files and from the user's settings, through the real program and a real cage.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { openSandbox, until, type Sandbox } from '../support/sandbox.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const CAGE = 'filed';
const HOST = 'api.example';
let sandbox: Sandbox;
let upstream: Upstream;

beforeAll(async () => {
  sandbox = openSandbox();
  upstream = await startUpstream(HOST);
  settings('[policy]\nallow = ["GET api.example/settings"]\ndeny = ["api.example/never/**"]\n');
  const rules = file('rules.toml', [
    '[[rule]]',
    `host = "${HOST}"`,
    'methods = ["POST"]',
    'path = "/orders"',
    'content-types = ["application/json"]',
    'requests-per-day = 2',
    '[inspect]',
    'secret-shapes = "block"',
  ]);
  const create = ['create', sandbox.project('p'), '--name', CAGE, '--policy', rules, '--route', upstream.route(HOST)];
  expect((await sandbox.run(create)).exitCode).toBe(0);
});

afterAll(async () => {
  await sandbox?.close();
  await upstream?.close();
});

function settings(text: string): string {
  const directory = join(sandbox.directory, 'home', '.config', 'ironcage');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'config.toml'), text);
  return join(directory, 'config.toml');
}

function file(name: string, lines: readonly string[]): string {
  const path = join(sandbox.directory, name);
  writeFileSync(path, lines.join('\n'));
  return path;
}

const status = async (...curl: string[]): Promise<string> =>
  (await sandbox.run(['exec', CAGE, '--', 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', ...curl])).stdout;

test('a cage has the rules of its file and of the user’s settings, and obeys them', async () => {
  expect((await sandbox.run(['policy', 'show', CAGE, '--json'])).json()).toMatchObject({
    inspection: { secretShapes: 'block', payloadShape: 'flag' },
    rules: [
      { effect: 'deny', path: '/never/**' },
      { methods: ['POST'], path: '/orders', contentTypes: ['application/json'], budget: { requestsPerDay: 2 } },
      { methods: ['GET'], path: '/settings' },
    ],
  });
  expect(await status(`https://${HOST}/settings`)).toBe('200');
  expect(await status(`https://${HOST}/never/x`)).toBe('403');
  const order = (...more: string[]) => status('--json', '{"n":1}', ...more, `https://${HOST}/orders`);
  expect(await order('-H', 'content-type: text/plain')).toBe('403');
  const token = `ghp_${'0123456789abcdefABCDEF'.repeat(2).slice(0, 36)}`;
  expect(await status('--json', `{"note":"${token}"}`, `https://${HOST}/orders`)).toBe('403');
  expect(await order()).toBe('200');
  expect(await order()).toBe('403');
  expect(upstream.arrivals.map(({ url }) => url)).toEqual(['/settings', '/orders']);
});

test('policy test tells what was looked at, and who decides', async () => {
  const tested = await sandbox.run(['policy', 'test', CAGE, 'POST', `https://${HOST}/settings`, '--json']);
  expect(tested.exitCode).toBe(1);
  expect(tested.json()).toMatchObject({
    decision: 'deny',
    rule: '<default-deny>',
    considered: [{ outcome: 'path' }, { outcome: 'path' }, { outcome: 'method' }],
  });
  const typed = ['policy', 'test', CAGE, 'POST', `https://${HOST}/orders`, '--json', '--type', 'text/plain'];
  expect((await sandbox.run(typed)).json()).toMatchObject({
    rule: '<default-deny>',
    considered: [{ outcome: 'path' }, { outcome: 'content-type' }, { outcome: 'method' }],
  });
  expect((await sandbox.run([...typed, '--size', 'much'])).exitCode).toBe(2);
  const shown = await sandbox.run(['policy', 'test', CAGE, 'GET', `https://${HOST}/settings`]);
  expect(shown.exitCode).toBe(0);
  expect(shown.stdout).toMatch(/considered: +allow +GET api\.example\/settings +matches/);
});

test('a file is checked without a cage, and all its mistakes are told at once', async () => {
  const bad = file('bad.toml', [
    '[[rule]]',
    'hots = "a.example"',
    '[[rule]]',
    'host = "*.github.io"',
    '[[rule]]',
    'host = "a.example"',
    '[[rule]]',
    'effect = "deny"',
    'host = "a.example"',
  ]);
  const checked = await sandbox.run(['policy', 'check', bad]);
  expect(checked.exitCode).toBe(2);
  for (const place of ['bad.toml:2:1', 'bad.toml:4:1', 'did you mean host?']) {
    expect(checked.stderr).toContain(place);
  }
  const created = await sandbox.run(['create', sandbox.project('q'), '--name', 'never', '--policy', bad]);
  expect(created.exitCode).toBe(2);
  expect((await sandbox.run(['exists', 'never'])).exitCode).toBe(1);
  const good = file('good.toml', ['[[rule]]', 'use = "npm"']);
  expect((await sandbox.run(['policy', 'check', good, '--json'])).json()).toMatchObject({
    files: [{ file: good, warnings: [] }],
  });
});

test('a file is added to a living cage; an allowance that could never apply is refused, and a denial never', async () => {
  expect((await sandbox.run(['start', CAGE])).exitCode).toBe(0);
  const more = file('more.toml', ['[[rule]]', `host = "${HOST}"`, 'path = "/more"']);
  expect((await sandbox.run(['policy', 'allow', CAGE, '--file', more])).exitCode).toBe(0);
  expect(await status(`https://${HOST}/more`)).toBe('200');
  const idle = await sandbox.run(['policy', 'allow', CAGE, `${HOST}/never/x`]);
  expect(idle.exitCode).toBe(2);
  expect(idle.stderr).toContain('a deny rule covers all of it');
  const denied = await sandbox.run(['policy', 'deny', CAGE, HOST]);
  expect(denied.exitCode).toBe(0);
  expect(denied.stderr).toContain('a deny rule covers all of it');
  expect(await status(`https://${HOST}/more`)).toBe('403');
});

test('what files and command say against each other is refused, and what the settings take away is told', async () => {
  const closed = file('closed.toml', ['[[rule]]', 'effect = "deny"', 'host = "b.example"']);
  const torn = ['create', sandbox.project('s'), '--name', 'torn', '--policy', closed, '--allow', 'b.example/x'];
  const refused = await sandbox.run(torn);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('allow b.example/x: never applies: a deny rule covers all of it (deny b.example)');
  expect((await sandbox.run(['exists', 'torn'])).exitCode).toBe(1);
  const twice = ['create', sandbox.project('x'), '--name', 'torn', '--allow', 'b.example rpm=5', '--allow'];
  const unheard = await sandbox.run([...twice, 'b.example']);
  expect(unheard).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('allow b.example: never applies') });
  expect((await sandbox.run([...twice, 'b.example rpm=5', '--dry-run'])).exitCode).toBe(0);
  const idle = ['create', sandbox.project('t'), '--name', 'idle', '--allow', 'api.example/never/x'];
  const created = await sandbox.run(idle);
  expect(created.exitCode).toBe(0);
  expect(created.stderr).toContain('never applies: a deny rule covers all of it (deny api.example/never/**)');
});

test('a yes for always is written to the settings, and every later cage has the rule', async () => {
  const path = settings('# mine\n[policy]\nallow = [] # none yet\n');
  const route = upstream.route(HOST);
  const create = ['create', sandbox.project('v'), '--name', 'asker', '--net', 'ask', '--route', route];
  expect((await sandbox.run(create)).exitCode).toBe(0);
  expect((await sandbox.run(['start', 'asker'])).exitCode).toBe(0);
  const curl = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', `https://${HOST}/always`];
  const asked = sandbox.run(['exec', 'asker', '--', ...curl]);
  let id = '';
  await until('the question', async () => {
    const listed = z.array(z.looseObject({ id: z.string() }));
    id = listed.parse((await sandbox.run(['approve', 'asker', '--list', '--json'])).json())[0]?.id ?? '';
    return id !== '';
  });
  // A rule that is none, or that answers something else, changes neither the cage nor the settings, and the request waits on.
  const answer = (...rule: string[]) => sandbox.run(['approve', 'asker', '--always', id, '--rule', ...rule]);
  expect(await answer('no rule at all')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('E_RULE') });
  const other = await answer('GET other.example/always');
  expect(other).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('does not let this request pass') });
  expect(readFileSync(path, 'utf8')).toBe('# mine\n[policy]\nallow = [] # none yet\n');
  expect((await sandbox.run(['policy', 'show', 'asker', '--json'])).json()).toMatchObject({ generation: 1, rules: [] });
  expect((await sandbox.run(['approve', 'asker', '--always', id])).exitCode).toBe(0);
  expect((await asked).stdout).toBe('200');
  const rule = `GET ${HOST}/always max-query=0`;
  expect(readFileSync(path, 'utf8')).toBe(`# mine\n[policy]\nallow = ["${rule}"] # none yet\n`);
  expect((await sandbox.run(['create', sandbox.project('w'), '--name', 'later'])).exitCode).toBe(0);
  expect((await sandbox.run(['policy', 'show', 'later', '--json'])).json()).toMatchObject({
    rules: [{ text: rule, origin: 'user' }],
  });
});

test('a run takes over what it names again with other terms, and a bundle goes by its name', async () => {
  settings('');
  const start = ['run', 'shell', sandbox.project('again'), '--name', 'again'];
  const run = (...rules: string[]) =>
    sandbox.run([...start, ...rules.flatMap((rule) => ['--allow', rule]), '--', 'true']);
  const rules = async () =>
    z
      .looseObject({ generation: z.number(), rules: z.array(z.looseObject({ text: z.string() })) })
      .parse((await sandbox.run(['policy', 'show', 'again', '--json'])).json());
  expect((await run('a.example expires=2000-01-01', 'npm')).exitCode).toBe(0);
  expect((await rules()).rules[0]).toMatchObject({ text: expect.stringContaining('expires=2000'), expired: true });
  expect((await sandbox.run(['policy', 'show', 'again'])).stdout).toMatch(
    /a\.example expires=2000\S+ .* user +expired/,
  );
  expect((await run('a.example rpm=5', 'npm')).exitCode).toBe(0);
  const changed = await rules();
  expect(changed.rules[0]?.text).toBe('a.example rpm=5');
  expect(changed.rules[0]).not.toHaveProperty('expired');
  expect((await run('a.example rpm=5', 'npm')).exitCode).toBe(0);
  expect(await rules()).toEqual(changed);
  expect((await sandbox.run(['policy', 'rm', 'again', 'npm'])).exitCode).toBe(0);
  expect((await rules()).rules.map(({ text }) => text)).toEqual(['a.example rpm=5']);
});

test('a rule that names a secret which the cage does not have is refused, wherever it comes from', async () => {
  settings('[policy]\nallow = ["every.example secrets=ELSEWHERE"]\n');
  const told = expect.stringContaining('the cage bare has no secret KYE');
  const bare = ['--name', 'bare', '--allow', 'b.example secrets=KYE'];
  expect(await sandbox.run(['create', sandbox.project('bare'), ...bare])).toMatchObject({ exitCode: 2, stderr: told });
  expect((await sandbox.run(['exists', 'bare'])).exitCode).toBe(1);
  const dry = ['create', join(sandbox.directory, 'bare'), ...bare, '--dry-run'];
  expect(await sandbox.run(dry)).toMatchObject({ exitCode: 2, stderr: told });
  const project = join(sandbox.directory, 'bare');
  // What the settings say is for every cage, whatever secrets it has.
  expect((await sandbox.run(['create', project, '--name', 'bare'])).exitCode).toBe(0);
  const before = (await sandbox.run(['policy', 'show', 'bare', '--json'])).json();
  const rules = file('secret.toml', ['[[rule]]', 'host = "b.example"', 'secrets = ["KYE"]']);
  for (const more of [
    ['policy', 'allow', 'bare', 'b.example secrets=KYE'],
    ['policy', 'allow', 'bare', '--file', rules],
    ['run', 'shell', project, ...bare, '--', 'true'],
  ]) {
    expect(await sandbox.run(more)).toMatchObject({ exitCode: 2, stderr: told });
  }
  expect((await sandbox.run(['policy', 'show', 'bare', '--json'])).json()).toEqual(before);
  expect((await sandbox.run(['policy', 'allow', 'bare', 'b.example secrets=none'])).exitCode).toBe(0);
  settings('');
});

test('settings with a mistake keep a cage from being made, and are named with line and file', async () => {
  const path = settings('[policy]\nalow = []\n');
  const created = await sandbox.run(['create', sandbox.project('r'), '--name', 'none', '--json']);
  expect(created.exitCode).toBe(2);
  const told = z.looseObject({ error: z.looseObject({ because: z.string() }) }).parse(created.told());
  expect(told.error.because).toBe(`${path}:2:1: there is no key "alow" — did you mean allow?`);
  expect(readFileSync(path, 'utf8')).toBe('[policy]\nalow = []\n');
  settings('[policy]\nallow = [\n  "a.example",\n  "*.github.io",\n]\ndeny = ["b.example private"]\n');
  const unread = await sandbox.run(['create', sandbox.project('u'), '--name', 'none']);
  expect(unread.exitCode).toBe(2);
  expect(unread.stderr).toContain(`${path}:4:3: "*.github.io" is no rule`);
  expect(unread.stderr).toContain(`${path}:6:9: "b.example private" is no rule`);
  settings('');
});
