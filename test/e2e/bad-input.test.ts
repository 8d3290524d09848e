// What users get wrong, and what is not there: each ends with a code, a reason and a way on, and touches nothing.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
let project: string;
beforeAll(() => {
  sandbox = openSandbox();
  project = sandbox.project('p');
});
afterAll(() => sandbox.close());

const isRoot = process.getuid?.() === 0;

/** Every failure has this shape, for people and for scripts; nothing of what was typed reaches the terminal raw. */
function expectError(result: CliResult, exitCode: number, code: string): void {
  expect(result.told()).toEqual({
    error: {
      code,
      message: expect.stringMatching(/./),
      because: expect.stringMatching(/./),
      hint: expect.stringMatching(/./),
      details: expect.any(Object),
    },
  });
  expect(result.exitCode).toBe(exitCode);
  expect(result.stdout).toBe('');
  expect(withoutNewlines(result.stderr)).not.toMatch(/\p{Cc}/u);
}

function withoutNewlines(text: string): string {
  return text.replaceAll('\n', '');
}

describe('a command line that is wrong', () => {
  test.each([
    ['lst', ['lst'], /did you mean list/],
    ['polcy', ['polcy', 'show'], /did you mean policy/],
    ['policy alow', ['policy', 'alow', 'a.example'], /allow/],
    ['a flag with a typing error', ['run', 'shell', '--nmae', 'x'], /--name/],
    ['a flag of another command', ['list', '--discard'], /./],
    ['no agent', ['run'], /ironcage run/],
    ['an agent with a typing error', ['run', 'cluade'], /claude/],
    ['exec without a command', ['exec', 'shop'], /--/],
    ['exec with the command not behind --', ['exec', 'shop', 'ls'], /--/],
    ['a flag without its value', ['create', '--name'], /./],
    ['two modes of diff', ['diff', '--full', '--stat'], /./],
    ['--new and --name', ['run', 'shell', '--new', '--name', 'x'], /./],
    ['an empty data root', ['--home', '', 'list'], /./],
    ['-n with a word', ['audit', '-n', 'all'], /./],
    ['a shell that has no completion', ['completion', 'cmd.exe'], /bash/],
    ['memory in words', ['create', '--memory', 'lots'], /512m/],
    ['no memory', ['create', '--memory', '0'], /./],
    ['fewer processes than a shell needs', ['create', '--pids', '1'], /./],
    ['no processor', ['create', '--cpus', '0'], /./],
    ['a route that is none', ['create', '--route', 'api.example.com'], /127\.0\.0\.1:8443/],
    ['a route to a name', ['create', '--route', 'api.example.com=localhost:1'], /./],
    ['a route whose certificate is missing', ['create', '--route', 'a.example=127.0.0.1:1,ca=/none.pem'], /./],
    ['a mount of nothing', ['create', '--mount', '/no-such-file'], /./],
    ['a mount over the root', ['create', '--mount', '/usr:/'], /./],
    ['a mount that climbs', ['create', '--mount', '/usr:/a/../b'], /./],
    ['a variable that is none', ['create', '--env', '1A=2'], /NAME=value/],
    ['a file of variables that is missing', ['create', '--env-file', 'none.env'], /./],
    ['a port to publish that is none', ['create', '--port', '70000'], /1 to 65535/],
    ['a port of a host by its name', ['create', '--port', 'localhost:3000:3000'], /address of this machine/],
    ['a port twice', ['create', '--port', '3000', '--port', '3000:80'], /8081:3000/],
    ['a port of the egress', ['create', '--port', '8080:3128'], /another port/],
    ['a secret in lower case', ['create', '--secret', 'token'], /./],
    ['a rule that is none', ['create', '--allow', 'not a rule at all'], /./],
    ['an image for a cage that is no container', ['create', '--image', 'debian'], /--backend/],
    ['a git URL that nobody vouches for', ['create', 'git://github.com/a/b.git'], /https/],
    ['a git URL that is a command', ['create', 'ext::sh -c id'], /https/],
  ] as const)('%s', async (_what, args, hint) => {
    const result = await sandbox.run([...args, '--json'], { cwd: project });
    expect(result.exitCode).toBe(2);
    expect(result.told()).toMatchObject({
      error: { code: expect.stringMatching(/^E_/), hint: expect.stringMatching(hint) },
    });
    expect(existsSync(join(sandbox.dataRoot, 'cages'))).toBe(false);
  });

  test.each([
    ['--preset', 'shared'],
    ['--auth', 'subscription'],
    ['--ssh', 'agent'],
  ])('%s %s is of the contract and not there yet: it is refused, never ignored', async (flag, value) => {
    const result = await sandbox.run(['create', flag, value, '--json'], { cwd: project });
    expect([2, 125]).toContain(result.exitCode);
    expect(result.told()).toMatchObject({ error: { message: expect.stringMatching(/not available/) } });
    expect(existsSync(join(sandbox.dataRoot, 'cages'))).toBe(false);
  });

  test('an error for people has three lines and no colour in a pipe', async () => {
    const result = await sandbox.run(['lst']);
    expect(result.stderr).toMatch(/^error\[E_USAGE\]: .+\nbecause: .+\ntry: .+\n$/);
  });

  test('help is an answer, not an error', async () => {
    for (const args of [
      ['--help'],
      ['run', '--help'],
      ['policy', '--help'],
      ['policy', 'allow', '--help'],
      ['help', 'apply'],
    ]) {
      const result = await sandbox.run(args);
      expect(result, args.join(' ')).toMatchObject({ exitCode: 0, stderr: '' });
      expect(result.stdout, args.join(' ')).toContain('ironcage');
    }
  });
});

describe('a name that is none', () => {
  const NAMES = [
    '.',
    '..',
    '',
    'a/b',
    '../../p',
    '/etc',
    'a'.repeat(64),
    'ärger',
    'a\nb',
    '\u001b[31mred',
    '\u202Eabc',
    '.lock',
    'Shop',
    'a b',
    'a-',
    '-rf',
    '--',
    'a\u0000b'.replace('\u0000', '\u0001'),
  ];
  test.each(NAMES.map((name) => [JSON.stringify(name), name] as const))('%s makes no cage', async (_shown, name) => {
    const before = readdirSync(sandbox.directory).sort();
    expectError(await sandbox.run(['create', project, `--name=${name}`, '--json']), 2, 'E_NAME');
    expect(readdirSync(sandbox.directory).sort()).toEqual(before);
  });
  test.each(NAMES.filter((name) => name !== '--').map((name) => [JSON.stringify(name), name] as const))(
    '%s is no cage',
    async (_shown, name) => {
      for (const command of ['start', 'stop', 'show', 'diff', 'apply', 'rm', 'exists']) {
        const result = await sandbox.run([command, '--json', '--', name]);
        expect(result.exitCode, command).toBe(2);
        expect(withoutNewlines(result.stderr), command).not.toMatch(/\p{Cc}|\u202E/u);
      }
      expect(existsSync(project)).toBe(true);
    },
  );
});

describe('a project that is none', () => {
  test.each(['/', '/etc', '/home', '/tmp', '/proc', '/dev'])('%s is refused', async (directory) => {
    expectError(await sandbox.run(['create', directory, '--name', 'x', '--json']), 2, 'E_NO_PROJECT');
    const run = await sandbox.run(['run', 'shell', '--json', '--', 'true'], { cwd: directory });
    expectError(run, 2, 'E_NO_PROJECT');
  });
  test('the home of the user and all that holds the data root are refused', async () => {
    for (const directory of [join(sandbox.directory, 'home'), sandbox.directory]) {
      expectError(await sandbox.run(['create', directory, '--json']), 2, 'E_NO_PROJECT');
    }
  });
  test('a missing directory, a file, and a broken link are refused', async () => {
    writeFileSync(join(sandbox.directory, 'file'), '');
    for (const name of ['missing', 'file', 'missing/below']) {
      expectError(await sandbox.run(['create', join(sandbox.directory, name), '--json']), 2, 'E_NO_PROJECT');
    }
  });
  test('a current directory that is gone is refused', async () => {
    const gone = join(sandbox.directory, 'gone');
    mkdirSync(gone);
    const behind = ['sh', '-c', `cd "${gone}" && rmdir "${gone}" && exec "$@"`, 'sh'];
    for (const args of [
      ['run', 'shell', '--json', '--', 'true'],
      ['show', '--json'],
    ]) {
      const result = await sandbox.run(args, { behind });
      expect([2, 125]).toContain(result.exitCode);
      expect(result.stderr).not.toContain('E_BUG');
    }
    expect(
      (
        await sandbox.run(['list', '--json'], {
          behind: ['sh', '-c', `mkdir "${gone}"; cd "${gone}" && rmdir "${gone}" && exec "$@"`, 'sh'],
        })
      ).stderr,
    ).not.toContain('E_BUG');
  });
  test.skipIf(isRoot)('a project that the user may not read is refused, and no cage is left', async () => {
    const locked = sandbox.project('locked');
    mkdirSync(join(locked, 'secret'), { mode: 0o000 });
    const result = await sandbox.run(['create', locked, '--name', 'locked', '--json']);
    expect(result.stderr).not.toContain('E_BUG');
    expect([0, 125]).toContain(result.exitCode);
    if (result.exitCode !== 0) expect((await sandbox.run(['exists', 'locked'])).exitCode).toBe(1);
  });
});

describe('a project that vanishes', () => {
  test('between create and start: start says so, the work is not lost, and its return mends it', async () => {
    const here = sandbox.project('vanishing');
    const away = join(sandbox.directory, 'moved away');
    const make = ['run', 'shell', here, '--name', 'vanishing', '--', 'sh', '-c', 'echo mine > work.txt'];
    expect((await sandbox.run(make)).exitCode).toBe(0);
    renameSync(here, away);
    expect((await sandbox.run(['list'])).stdout).toContain('vanishing');
    expect((await sandbox.run(['show', 'vanishing', '--json'])).json()).toMatchObject({
      problems: expect.arrayContaining([expect.stringMatching(/project .+ is gone/)]),
    });
    for (const args of [
      ['apply', 'vanishing', '--yes', '--json'],
      ['run', 'shell', here, '--json', '--', 'true'],
    ]) {
      const result = await sandbox.run(args);
      expect([2, 125], args.join(' ')).toContain(result.exitCode);
      expect(result.told(), args.join(' ')).toMatchObject({ error: { hint: expect.stringMatching(/./) } });
      expect(result.stderr).not.toContain('E_BUG');
    }
    for (const args of [
      ['start', 'vanishing', '--json'],
      ['diff', 'vanishing', '--json'],
    ]) {
      expect((await sandbox.run(args)).stderr, args.join(' ')).not.toContain('E_BUG');
    }
    const removed = await sandbox.run(['rm', '-y', 'vanishing', '--json']);
    expect(removed.exitCode).toBe(126);
    expect(removed.told()).toMatchObject({
      error: { code: 'E_UNEXPORTED', hint: expect.stringContaining('--discard') },
    });
    renameSync(away, here);
    expect((await sandbox.run(['diff', 'vanishing', '--json'])).json()).toMatchObject({
      files: [{ path: 'work.txt' }],
    });
    expect((await sandbox.run(['exec', 'vanishing', '--', 'cat', 'work.txt'])).stdout).toBe('mine\n');
    await sandbox.run(['stop', 'vanishing']);
  });
  test('for good: rm --discard still takes its cage away', async () => {
    const here = sandbox.project('doomed');
    expect((await sandbox.run(['create', here, '--name', 'doomed'])).exitCode).toBe(0);
    rmSync(here, { recursive: true });
    expect((await sandbox.run(['rm', '-y', '--discard', 'doomed'])).exitCode).toBe(0);
    expect((await sandbox.run(['exists', 'doomed'])).exitCode).toBe(1);
  });
});

describe('a secret on the command line', () => {
  test.each([
    [['secret', 'set', 'TOKEN=sk-very-secret-1']],
    [['secret', 'set', 'TOKEN', 'sk-very-secret-1']],
    [['secret', 'set', 'TOKEN', '--value', 'sk-very-secret-1']],
    [['secret', 'set', 'TOKEN', '--value=sk-very-secret-1']],
    [['create', '--secret', 'TOKEN=sk-very-secret-1']],
  ])('%j is refused and not repeated', async (args) => {
    const result = await sandbox.run(args, { cwd: project });
    expect(result.exitCode).toBe(2);
    expect(`${result.stdout}${result.stderr}`).not.toContain('very-secret');
    expect((await sandbox.run(['secret', 'list', '--json'])).json()).toEqual([]);
  });
  test('an empty value and one with a line break are refused', async () => {
    for (const input of ['', '\n', 'two\nlines\n']) {
      const result = await sandbox.run(['secret', 'set', 'TOKEN', '--host', 'a.example'], { input });
      expect(result.exitCode, JSON.stringify(input)).toBe(2);
    }
  });
  test('a secret that may go nowhere is refused', async () => {
    expect((await sandbox.run(['secret', 'set', 'TOKEN'], { input: 'value' })).exitCode).toBe(2);
    expect((await sandbox.run(['create', project, '--secret', 'TOKEN'])).exitCode).toBe(2);
  });
});
