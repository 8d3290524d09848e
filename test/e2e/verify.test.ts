// `verify` is believed: so it must pass on a cage that holds, for every group, and must not pass where anything is wrong:
// an egress that is gone or hangs, a value that has found its way in, a cage that has ended.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { egressOf } from '../support/egress-process.ts';
import { openSandbox, until, type CliResult, type Sandbox } from '../support/sandbox.ts';

const CAGE = 'desk';
const VALUE = 'real-value-5f0c1d';
const GROUPS = [
  'identity',
  'address',
  'names',
  'protocol',
  'smuggling',
  'exfiltration',
  'secrets',
  'sandbox',
  'control plane',
];

const Verification = z.strictObject({
  cage: z.string(),
  ok: z.boolean(),
  probes: z.array(
    z.strictObject({ id: z.string(), group: z.string(), ok: z.boolean(), expected: z.string(), observed: z.string() }),
  ),
});

let sandbox: Sandbox;
let mounted: string;
beforeAll(async () => {
  sandbox = openSandbox();
  mounted = join(sandbox.directory, 'notes.txt');
  writeFileSync(mounted, 'notes\n');
  const secret = ['secret', 'set', 'SHOP_TOKEN', '--host', 'shop.example'];
  expect((await sandbox.run(secret, { input: VALUE })).exitCode).toBe(0);
  const rules = ['--allow', 'GET shop.example/**', '--secret', 'SHOP_TOKEN'];
  const mount = ['--mount', `${mounted}:/mnt/notes.txt:ro`];
  const made = await sandbox.run(['create', sandbox.project('p'), '--name', CAGE, ...rules, ...mount]);
  expect(made.stderr).not.toContain('error[');
});
afterAll(() => sandbox.close());

const verify = (...more: string[]): Promise<CliResult> => sandbox.run(['verify', CAGE, '--json', ...more]);
const attack = (): Promise<CliResult> => verify('--attack');
const inside = async (script: string): Promise<string> =>
  (await sandbox.run(['exec', CAGE, '--', 'sh', '-c', script])).stdout;

function failuresOf(result: CliResult): string[] {
  const { probes } = Verification.parse(result.json());
  return probes.filter(({ ok }) => !ok).map(({ id }) => id);
}

function recordOf(cage: string): string {
  const directory = join(sandbox.dataRoot, 'cages', cage, 'egress/audit');
  if (!existsSync(directory)) return '';
  const files = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ name }) => readFileSync(join(directory, name), 'utf8')).join('\n');
}

test('a cage that holds passes every probe of every group, soon, and keeps nothing of them', async () => {
  const files =
    'find / -xdev \\( -path /proc -o -path /dev \\) -prune -o -newer README.md -print; ls -A /dev/shm; ps -e -o args';
  const listing = 'find . ~ /tmp /var/tmp /run -mindepth 1 | sort';
  const before = await inside(listing);
  const started = performance.now();
  const result = await attack();
  const seconds = (performance.now() - started) / 1000;
  expect(failuresOf(result)).toEqual([]);
  expect(result.exitCode).toBe(0);
  const { cage, ok, probes } = Verification.parse(result.json());
  expect({ cage, ok }).toEqual({ cage: CAGE, ok: true });
  expect(probes.length).toBeGreaterThanOrEqual(120);
  expect(new Set(probes.map(({ id }) => id)).size).toBe(probes.length);
  expect([...new Set(probes.map(({ group }) => group))].sort()).toEqual([...GROUPS].sort());
  expect(seconds).toBeLessThan(60);
  expect(await inside(listing)).toBe(before);
  expect(await inside(files)).not.toContain('probe');
  expect((await sandbox.run(['diff', CAGE, '--json'])).json()).toMatchObject({ files: [] });
});

test('its requests are marked in the record, and none is allowed', async () => {
  const audit = await sandbox.run(['audit', CAGE, '--json']);
  const records = audit.records().map((record) => z.looseObject({ decision: z.string() }).parse(record));
  const marked = records.filter((record) => JSON.stringify(record).includes('.ironcage-verify'));
  expect(marked.length).toBeGreaterThan(100);
  expect(marked.filter(({ decision }) => decision !== 'deny')).toEqual([]);
});

test('for people it prints a line a group, and details of failures alone', async () => {
  const result = await sandbox.run(['verify', CAGE]);
  expect(result.exitCode).toBe(0);
  for (const group of GROUPS) expect(result.stdout).toMatch(new RegExp(`^ok +${group} +(\\d+) of \\1$`, 'm'));
  expect(result.stdout).toMatch(/^every probe passed, \d+ in all$/m);
  expect(result.stdout).not.toContain('exfiltration.canary-silent');
  expect((await sandbox.run(['verify', CAGE, '--verbose'])).stdout).toMatch(
    /^ok +exfiltration\.canary-silent +silent/m,
  );
});

test('a value that has come in fails the group of secrets, which names every place of it, and no other', async () => {
  const places = ['/home/agent/.cache/x/token', join(sandbox.directory, 'p/leak.txt'), '/dev/shm/leak'];
  await inside(`mkdir -p ~/.cache/x; for at in ${places.join(' ')}; do printf 'x %s' ${VALUE} > $at; done`);
  writeFileSync(mounted, `key=${VALUE}\n`);
  const waits = ['exec', CAGE, '--', 'sh', '-c', 'echo ready; read end', VALUE];
  const { child, result: waited } = sandbox.start(waits, { keepInput: true });
  await new Promise((ready) => child.stdout.once('data', ready));
  const { exitCode, stdout } = await sandbox.run(['verify', CAGE, '--attack']);
  child.stdin.end('end\n');
  await waited;
  writeFileSync(mounted, 'notes\n');
  await inside(`rm -f ${places.join(' ')}`);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^FAILED +secrets +\d+ of \d+$/m);
  const [failure = '', ...others] = stdout.split('\n').filter((line) => /^FAILED +[a-z-]+\./.test(line));
  expect(others).toEqual([]);
  expect(failure).toContain('secrets.absent.SHOP_TOKEN');
  for (const place of [...places, '/mnt/notes.txt']) expect(failure).toContain(place);
  expect(failure).toMatch(/\/proc\/\d+\/cmdline/);
  expect(stdout).toMatch(/^1 of \d+ failed$/m);
});

test('an egress that is killed in the middle is a failure, its end is one for the next, and that has another', async () => {
  await inside('true');
  await sandbox.run(['start', CAGE]);
  const marks = (): number => recordOf(CAGE).split('.ironcage-verify').length;
  const before = marks();
  const running = sandbox.start(['verify', CAGE, '--attack', '--json']);
  await until('the probes to have begun', () => marks() > before);
  process.kill(egressOf(sandbox.dataRoot, CAGE).wrapper, 'SIGKILL');
  const result = await running.result;
  expect(result.exitCode).toBe(1);
  expect(failuresOf(result)).toEqual(
    expect.arrayContaining(['names.synthetic', 'control-plane.policy-confirmed', 'control-plane.egress-filter']),
  );
  const found = await verify();
  expect([found.exitCode, failuresOf(found)]).toEqual([1, ['control-plane.egress-alive']]);
  const again = await attack();
  expect([again.exitCode, failuresOf(again)]).toEqual([0, []]);
});

test('an egress that hangs is a failure of all that it should answer, and no hang of the verification', async () => {
  await sandbox.run(['start', CAGE]);
  const { program } = egressOf(sandbox.dataRoot, CAGE);
  process.kill(program, 'SIGSTOP');
  const result = await attack();
  process.kill(program, 'SIGCONT');
  expect(result.exitCode).toBe(1);
  const { probes } = Verification.parse(result.json());
  const passedOf = (group: string): boolean[] => probes.filter((probe) => probe.group === group).map(({ ok }) => ok);
  for (const group of ['identity', 'address', 'names', 'smuggling']) expect(passedOf(group)).not.toContain(true);
  // What needs no egress still holds.
  expect(passedOf('sandbox')).not.toContain(false);
  expect((await verify()).exitCode).toBe(0);
});
