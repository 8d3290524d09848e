// Inspectors that a user wrote, in real cages: they note, refuse, throw, hang, end, and reach nothing from where they run.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { processesNaming } from '../support/processes.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';
import { startClientWorld, WEB, type ClientWorld } from '../support/client-world.ts';

const CAGE = 'inspected';
let sandbox: Sandbox;
let world: ClientWorld;
/** Of other cages on this machine. */
let others: ReadonlySet<string>;

const inspectorProcesses = (): string[] =>
  processesNaming('inspector-host.js').filter((line) => line.includes('/app/node'));

/** What it does is in the path of the request. */
const MOODS = `
import { readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { spawnSync } from 'node:child_process';
const attempts = {
  'reads-home': () => readdirSync(process.env.HOME ?? '/root'),
  'reads-passwords': () => readFileSync('/etc/passwd'),
  'runs-a-program': () => { const { error } = spawnSync('/app/node', ['-e', '']); if (error) throw error; },
  'writes': async () => { (await import('node:fs')).writeFileSync('/inspector/x', ''); },
  'connects': () => new Promise((resolve, reject) => connect(443, '1.1.1.1').on('connect', resolve).on('error', reject)),
  'reads-itself': () => readFileSync(new URL(import.meta.url)),
};
export async function inspect({ path, headers }) {
  if (path === '/throws') throw new Error('it threw');
  if (path === '/hangs') for (;;);
  if (path === '/ends') process.exit(0);
  if (path === '/grows') for (const all = []; ; ) all.push(new Array(1e6).fill(path));
  if (path === '/nonsense') return { action: 'allow' };
  if (path === '/no') return { action: 'deny', reason: 'not today' };
  if (path === '/token') return { action: 'note', reason: JSON.stringify(headers) };
  const attempt = attempts[path.slice(1)];
  if (attempt === undefined) return undefined;
  try { await attempt(); return { action: 'note', reason: 'it worked' }; }
  catch (error) { return { action: 'note', reason: 'it failed: ' + error.code }; }
}
`;

beforeAll(async () => {
  sandbox = openSandbox();
  others = new Set(inspectorProcesses());
  world = await startClientWorld();
  const example = fileURLToPath(new URL('../../docs/inspectors.md', import.meta.url));
  const [, documented = ''] = /```js\n\/\/ no-drafts.mjs\n(.*?)```/s.exec(readFileSync(example, 'utf8')) ?? [];
  configure([
    ['moods.mjs', MOODS],
    ['no-drafts.mjs', documented],
  ]);
  const allow = ['--allow', `GET,POST ${WEB}`];
  const created = await sandbox.run(['create', sandbox.project('p'), '--name', CAGE, ...allow, ...world.routes]);
  expect(created.stderr).not.toContain('error[');
  const started = await sandbox.run(['start', CAGE]);
  expect(started.stderr).not.toContain('error[');
});

afterAll(async () => {
  await sandbox?.close();
  await world?.close();
});

function configure(modules: readonly (readonly [name: string, text: string])[]): void {
  const directory = join(sandbox.directory, 'home', '.config', 'ironcage');
  mkdirSync(directory, { recursive: true });
  const tables = modules.map(([name, text]) => {
    writeFileSync(join(directory, name), text);
    return `[[inspector]]\nmodule = ${JSON.stringify(join(directory, name))}\ntimeout-ms = 700\n`;
  });
  writeFileSync(join(directory, 'config.toml'), tables.join('\n'));
}

function curl(path: string, ...options: string[]): Promise<CliResult> {
  return sandbox.run(['exec', CAGE, '--', 'curl', '-sS', '-m', '20', ...options, `https://${WEB}${path}`]);
}

async function records(path: string): Promise<unknown[]> {
  const all = (await notes(path)).split('\n').filter((line) => line !== '');
  return all.map((line): unknown => JSON.parse(line));
}

async function notes(path: string): Promise<string> {
  const audit = await sandbox.run(['audit', CAGE, '--json']);
  return audit.stdout
    .split('\n')
    .filter((line) => line.includes(`"path":"${path}"`))
    .join('\n');
}

test.each([
  ['/no', 'not today'],
  ['/throws', 'it threw'],
  ['/nonsense', 'neither pass nor note nor deny'],
  ['/hangs', 'did not answer within 700 ms'],
  ['/ends', 'ended without an answer'],
  ['/grows', 'ended without an answer'],
])('an inspector’s way out at %s is a refusal, and the next request is judged again', async (path, reason) => {
  const refused = await curl(path);
  expect(refused.stdout).toContain('<inspector:moods>');
  expect(refused.stdout).toContain(reason);
  expect(world.arrivals.filter((line) => line.includes(path))).toEqual([]);
  const said = expect.objectContaining({
    name: 'inspector:moods',
    action: 'deny',
    reason: expect.stringContaining(reason),
  });
  await expect
    .poll(async () => records(path))
    .toEqual([expect.objectContaining({ inspectors: expect.arrayContaining([said]) })]);
  await expect.poll(async () => (await curl(`/after${path}`)).stdout, { timeout: 10_000 }).toContain('over 2');
});

test('the documented example does what it says', async () => {
  expect((await curl('/drafts/1')).stdout).toContain('drafts stay here');
  const upload = await sandbox.run(['exec', CAGE, '--', 'curl', '-sS', '--data-binary', '@-', `https://${WEB}/large`], {
    input: 'x'.repeat(1_500_000),
  });
  expect(upload.stdout).toContain('1500000 bytes');
  await expect.poll(() => notes('/large')).toContain('1500000 bytes went out');
});

test.each(['reads-home', 'reads-passwords', 'runs-a-program', 'writes', 'connects'])(
  'from where an inspector runs, nothing can be reached: %s',
  async (attempt) => {
    expect((await curl(`/${attempt}`)).stdout).toContain('over 2');
    expect(await notes(`/${attempt}`)).toMatch(/it failed: E[A-Z]+/);
    expect((await curl('/reads-itself')).stdout).toContain('over 2');
    expect(await notes('/reads-itself')).toContain('it worked');
  },
);

test('its process ends with the cage, and a module that cannot be loaded keeps the cage from starting', async () => {
  const running = () => inspectorProcesses().filter((line) => !others.has(line));
  expect(running().length).toBeGreaterThan(0);
  expect((await sandbox.run(['stop', CAGE])).exitCode).toBe(0);
  await expect.poll(running, { timeout: 10_000 }).toEqual([]);
  configure([
    ['moods.mjs', 'export const nothing = 1;'],
    ['no-drafts.mjs', 'export function inspect() {}'],
  ]);
  const refused = await sandbox.run(['start', CAGE]);
  expect(refused.exitCode).toBe(125);
  expect(refused.stderr).toContain('moods');
  expect(refused.stderr).toContain('neither inspect nor inspectBody');
});
