// Backups: a cage as one file, and a cage of that file again, where neither the first one nor its project need be any more. The file holds no
// key and no secret that nobody asked for; what it asks of a machine is shown first.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openContext, readMessages, sendMessage } from '../../src/index.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const KEY = 'ironcage-test-value-4711';

let sandbox: Sandbox;
let project: string;
let file: string;
beforeAll(async () => {
  sandbox = openSandbox();
  project = sandbox.project('p');
  file = join(sandbox.directory, 'desk.ironcage.tar.gz');
  await sandbox.run(['secret', 'set', 'SHOP_TOKEN', '--host', 'api.example.com'], { input: KEY });
});
afterAll(() => sandbox.close());

async function run(exitCode: number, args: readonly string[], input?: string): Promise<CliResult> {
  const result = await sandbox.run(args, { input });
  expect([result.exitCode, result.stderr], args.join(' ')).toEqual([exitCode, expect.any(String)]);
  return result;
}

const WORK = [
  'echo new > work.txt',
  'rm old.txt',
  'printf "three\\n" >> README.md',
  'mkdir -p deep/er && echo deep > "deep/er/a b%c"',
  'ln -s /etc/passwd out && ln -s README.md in',
  'chmod 755 src/a.js',
  'mkfifo pipe',
  'touch "$(printf "bad\\377name\\nline")"',
  'git add -A && git -c user.name=a -c user.email=a@b commit -qm inside',
  'echo note > ~/note; mkdir -m 500 ~/closed',
].join(' && ');

test('a backup holds the work, the home and the rules, and neither keys nor values', async () => {
  await run(0, [
    'create',
    project,
    '--name',
    'desk',
    '--allow',
    'example.com',
    '--secret',
    'SHOP_TOKEN',
    '--env',
    'A=b',
  ]);
  await run(0, ['exec', 'desk', '--', 'sh', '-c', WORK]);
  const { stdout, stderr } = await run(0, ['backup', 'desk', '-o', file]);
  expect(stdout).toBe(`${file}\n`);
  expect(stderr).toContain('pipe');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(sandbox.directory).filter((name) => name.includes('partial'))).toEqual([]);
  expect(existsSync(join(sandbox.dataRoot, 'cages/desk/backup.work'))).toBe(false);
  const text = gunzipSync(readFileSync(file)).toString('latin1');
  expect(text).toContain('work.txt');
  expect(text).not.toContain(KEY);
  expect(text).not.toContain('PRIVATE KEY');
  expect(text).not.toMatch(/ironcage-[0-9a-f]{32}/);
  expect(execFileSync('tar', ['tzf', file], { encoding: 'utf8' })).toContain('trees/0/deep/er/a b%25c');
  expect((await run(2, ['backup', 'desk', '-o', file])).stderr).toContain('there is a file');
  expect((await run(2, ['backup', 'desk', '-o', `${file}.d/x`])).stderr).toContain('there is no directory');
  await run(0, ['backup', 'desk', '-o', file, '--force']);
});

test('what a backup asks for is shown, and nothing is made of it without a yes', async () => {
  const plan = (await run(0, ['restore', file, '--name', 'two', '--dry-run', '--json'])).json();
  expect(plan).toMatchObject({ cage: 'two', from: 'desk', project, projectIsThere: true, hasSecrets: false });
  expect(plan).toMatchObject({
    asksFor: expect.arrayContaining(['sets the variables A', 'asks for the secrets SHOP_TOKEN']),
  });
  expect((await run(2, ['restore', file, '--name', 'two'])).stderr).toContain('needs a yes');
  expect(readdirSync(join(sandbox.dataRoot, 'cages'))).toEqual(['desk']);
});

test('a clone has the same work, home, rules and commits, an identity of its own, and the same change', async () => {
  const before = (await run(0, ['diff', 'desk', '--json'])).stdout;
  expect((await run(0, ['restore', file, '--name', 'two', '-y'])).stdout).toBe('two\n');
  const change: unknown = JSON.parse(before.replace('"desk"', '"two"'));
  expect((await run(0, ['diff', 'two', '--json'])).json()).toEqual({ ...Object(change), skipped: [] });
  const look =
    'cat work.txt ~/note "deep/er/a b%c"; readlink out in; stat -c %a src/a.js ~/closed; git log --format=%s; git status --short; ls bad*';
  const seen = async (cage: string): Promise<string> => (await run(0, ['exec', cage, '--', 'sh', '-c', look])).stdout;
  expect(await seen('two')).toBe(await seen('desk'));
  const placeholder = async (cage: string): Promise<string> =>
    (await run(0, ['exec', cage, '--', 'printenv', 'SHOP_TOKEN', 'A'])).stdout;
  expect(await placeholder('two')).toMatch(/^ironcage-[0-9a-f]{32}\nb\n$/);
  expect(await placeholder('two')).not.toBe(await placeholder('desk'));
  const ca = (cage: string): string => readFileSync(join(sandbox.dataRoot, 'cages', cage, 'egress/ca/ca.pem'), 'utf8');
  expect(ca('two')).not.toBe(ca('desk'));
  expect((await run(0, ['policy', 'show', 'two'])).stdout).toContain('example.com');
  await run(0, ['rm', '-y', '--discard', 'two']);
});

test('a cage comes back where its project is gone, and works on another one', async () => {
  renameSync(project, `${project}-away`);
  expect((await run(0, ['restore', file, '--name', 'alone', '-y'])).stderr).toContain('is not there');
  expect((await run(0, ['show', 'alone'])).stdout).toContain('is gone');
  renameSync(`${project}-away`, project);
  const other = sandbox.project('other');
  await run(0, ['restore', file, '--name', 'moved', '--project', other, '-y']);
  expect((await run(0, ['exec', 'moved', '--', 'pwd'])).stdout).toBe(`${other}\n`);
  await run(0, ['apply', 'moved', '-y', '--accept-host-executable']);
  expect(readFileSync(join(other, 'work.txt'), 'utf8')).toBe('new\n');
  await run(0, ['rm', '-y', '--discard', 'alone', 'moved']);
});

test('the cage that has the name stays, or goes into the trash after its work was named', async () => {
  expect((await run(2, ['restore', file, '-y'])).stderr).toContain('E_CAGE_EXISTS');
  expect((await run(126, ['restore', file, '-y', '--force'])).stderr).toContain('work.txt');
  await run(0, ['exec', 'desk', '--', 'rm', 'work.txt']);
  await run(0, ['restore', file, '-y', '--force', '--discard']);
  expect((await run(0, ['exec', 'desk', '--', 'cat', 'work.txt'])).stdout).toBe('new\n');
  expect((await run(0, ['list', '--trash', '--json'])).json()).toContainEqual(
    expect.objectContaining({ name: 'desk' }),
  );
});

test('values of secrets come along encrypted, and only whoever knows the passphrase gets them', async () => {
  const kept = join(sandbox.directory, 'with.ironcage.tar.gz');
  expect((await run(2, ['backup', 'desk', '-o', kept, '--include-secrets'], 'short\n')).stderr).toContain('characters');
  await run(0, ['backup', 'desk', '-o', kept, '--include-secrets'], 'correct horse battery\n');
  expect(gunzipSync(readFileSync(kept)).toString('latin1')).not.toContain(KEY);
  await run(0, ['secret', 'rm', 'SHOP_TOKEN']);
  const wrong = await run(126, ['restore', kept, '--name', 'keyed', '-y'], 'wrong horse battery\n');
  expect(wrong.stderr).toContain('passphrase');
  expect(readdirSync(join(sandbox.dataRoot, 'cages'))).toEqual(['desk']);
  const phrase = join(sandbox.directory, 'phrase');
  writeFileSync(phrase, 'correct horse battery\n');
  await run(0, ['restore', kept, '--name', 'keyed', '-y', '--passphrase-file', phrase]);
  expect((await run(0, ['secret', 'list', 'keyed', '--json'])).json()).toMatchObject([
    { name: 'SHOP_TOKEN', hosts: ['api.example.com'] },
  ]);
  const without = await run(0, ['restore', kept, '--name', 'bare', '-y', '--without-secrets']);
  expect(without.stderr).toContain('SHOP_TOKEN is not bound');
  await run(0, ['rm', '-y', '--discard', 'keyed', 'bare']);
});

test('the default name has the cage and the time in it, and a backup in the project is no part of the next', async () => {
  const inProject = await sandbox.run(['backup', 'desk'], { cwd: project });
  expect(inProject.stdout).toMatch(/\/p\/desk-\d{8}T\d{6}Z\.ironcage\.tar\.gz\n$/);
  mkdirSync(join(sandbox.directory, 'backups'));
  const { stdout } = await run(0, ['backup', 'desk', '-o', join(sandbox.directory, 'backups')]);
  expect(execFileSync('tar', ['tzf', stdout.trim()], { encoding: 'utf8' })).not.toContain('.ironcage.tar.gz');
});

test('what is called like a backup and belongs to the cage comes along, and its base is whole', async () => {
  const named = sandbox.project('named', { 'old.ironcage.tar.gz': 'kept\n', a: 'one\n' });
  await run(0, ['create', named, '--name', 'named']);
  await run(0, ['exec', 'named', '--', 'sh', '-c', 'echo mine > mine.ironcage.tar.gz; touch -d @99999999999999 mine*']);
  const kept = join(sandbox.directory, 'named.tgz');
  await run(0, ['backup', 'named', '-o', kept]);
  await run(0, ['restore', kept, '--name', 'named-two', '-y']);
  expect((await run(0, ['diff', 'named-two', '--json'])).json()).toMatchObject({
    files: [{ path: 'mine.ironcage.tar.gz', change: 'added' }],
  });
});

test('what was applied before the backup still counts as that after it', async () => {
  const applied = sandbox.project('applied', { a: 'one\n', b: 'one\n' });
  await run(0, ['create', applied, '--name', 'applied']);
  await run(0, ['exec', 'applied', '--', 'sh', '-c', 'echo two > a']);
  await run(0, ['apply', 'applied', '-y']);
  await run(0, ['exec', 'applied', '--', 'sh', '-c', 'echo three > a']);
  const kept = join(sandbox.directory, 'applied.tgz');
  await run(0, ['backup', 'applied', '-o', kept]);
  await run(0, ['restore', kept, '--name', 'applied-two', '-y']);
  writeFileSync(join(applied, 'b'), 'two\n');
  await run(0, ['sync', 'applied-two', join(applied, 'b')]);
  await run(0, ['exec', 'applied-two', '--', 'sh', '-c', 'echo two > a']);
  await run(0, ['rm', 'applied-two', '-y']);
});

test('a secret of the cage that has the name stays where its work keeps it there', async () => {
  const kept = join(sandbox.directory, 'with.ironcage.tar.gz');
  await run(0, ['secret', 'set', 'SHOP_TOKEN', '--cage', 'desk', '--host', 'other.example.com'], 'another-value-4712');
  const phrase = 'correct horse battery\n';
  expect((await run(126, ['restore', kept, '--name', 'desk', '--force', '-y'], phrase)).stderr).toContain(
    'nowhere else',
  );
  expect((await run(0, ['secret', 'list', 'desk', '--json'])).json()).toMatchObject([{ hosts: ['other.example.com'] }]);
});

test('messages come along with a snapshot, a fork and a backup, and count as foreign in what was restored', async () => {
  const kept = join(sandbox.directory, 'mail.ironcage.tar.gz');
  const context = openContext({ environment: sandbox.env, home: sandbox.dataRoot, cwd: project });
  const texts = async (cage: string): Promise<unknown[]> => {
    const told: unknown[] = [];
    for await (const { type, payload, untrusted } of readMessages(context, cage, { all: true }))
      told.push([type, payload['text'], untrusted]);
    return told;
  };
  const said = (text: string): [string, string, boolean] => ['answer', text, false];
  await run(0, ['create', project, '--name', 'mail']);
  await run(0, ['exec', 'mail', '--', 'true']);
  await sendMessage(context, 'mail', 'answer', { text: 'one' });
  await run(0, ['snapshot', 'mail', '--name', 'first']);
  await sendMessage(context, 'mail', 'answer', { text: 'two' });
  await run(0, ['stop', 'mail']);
  await run(0, ['fork', 'mail', 'forked']);
  await run(0, ['backup', 'mail', '-o', kept]);
  await run(0, ['rewind', 'mail', 'first']);
  expect([await texts('mail'), await texts('forked')]).toEqual([[said('one')], [said('one'), said('two')]]);
  await run(0, ['restore', kept, '--name', 'mail-too', '-y']);
  expect(await texts('mail-too')).toEqual([
    ['answer', 'one', true],
    ['answer', 'two', true],
  ]);
  expect((await run(0, ['exec', 'mail-too', '--', 'sh', '-c', 'ls /ironcage/bus/inbox | wc -l'])).stdout.trim()).toBe(
    '2',
  );
  await run(0, ['rm', '-y', '--discard', 'mail', 'forked', 'mail-too']);
});

test('options that would do nothing are refused', async () => {
  expect((await run(2, ['restore', file, '--discard', '-y'])).stderr).toContain('--force');
  expect((await run(2, ['snapshot', 'desk', '--discard'])).stderr).toContain('--rm');
});
