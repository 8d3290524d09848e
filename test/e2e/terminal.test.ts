// A person at a terminal: prompts, Ctrl-C, sizes, exit codes, questions, and a terminal that is sane afterwards, whatever
// a cage has put into names.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openSandbox, until, type Sandbox } from '../support/sandbox.ts';
import { HOST_PROMPT, openTerminal, type Terminal } from '../support/terminal.ts';

const CAGE = 'tty';
let sandbox: Sandbox;
let project: string;
let terminal: Terminal;
beforeAll(async () => {
  sandbox = openSandbox();
  project = sandbox.project('p');
  expect((await sandbox.run(['create', project, '--name', CAGE])).exitCode).toBe(0);
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  terminal = await openTerminal(sandbox, project);
});
afterEach(() => terminal.close());

const HOST_READY = new RegExp(`${HOST_PROMPT} *\\n*$`);

/** Types a command of the host and waits for its exit code. */
async function expectCode(code: number): Promise<void> {
  await terminal.see(HOST_READY);
  terminal.type('echo "code=$?"');
  await terminal.see(new RegExp(`code=${code}$`, 'm'));
}

/** Echo, line editing and signals are as a shell wants them. */
async function expectSaneTerminal(): Promise<void> {
  terminal.clear();
  terminal.type('stty -a');
  await terminal.see(/(^|\s)echo\s/);
  expect(terminal.screen()).toMatch(/\sicanon\s/);
  expect(terminal.screen()).toMatch(/(^|\s)isig\s/);
}

describe.each([
  ['run shell', `ic run shell --name ${CAGE}`],
  ['shell', `ic shell ${CAGE}`],
])('%s', (_what, command) => {
  test('gives a prompt in the cage, and its exit code at the end', async () => {
    terminal.type(command);
    await terminal.see(/\$ *\n*$/);
    terminal.type('echo in-$IRONCAGE; tty');
    await terminal.see(new RegExp(`^in-${CAGE}\\n/dev/console$`, 'm'));
    terminal.type('exit 9');
    await expectCode(9);
    await expectSaneTerminal();
  });

  test('Ctrl-C ends what runs in the shell and not the shell', async () => {
    terminal.type(command);
    await terminal.see(/\$ *\n*$/);
    terminal.type('echo go; sleep 1000');
    await terminal.see(/^go$/m);
    terminal.press('C-c');
    terminal.type('echo after=$?');
    await terminal.see(/^after=130$/m);
    terminal.type('exit');
    await terminal.see(HOST_READY);
    await expectSaneTerminal();
  });

  test('the size is the terminal’s, also after it has changed', async () => {
    terminal.type(command);
    await terminal.see(/\$ *\n*$/);
    terminal.type('stty size');
    await terminal.see(/^30 100$/m);
    terminal.resize(70, 20);
    await until('the new size to be seen inside', () => {
      terminal.type('stty size');
      return /^20 70$/m.test(terminal.screen());
    });
    terminal.type('exit');
    await terminal.see(HOST_READY);
  });
});

test('Ctrl-C ends a command that was started alone, and what it did is told', async () => {
  terminal.type(`ic run shell --name ${CAGE} -- sh -c 'echo x > kept.txt; echo go; sleep 1000'`);
  await terminal.see(/^go$/m);
  terminal.press('C-c');
  await terminal.see(/kept\.txt/);
  await expectCode(130);
  await expectSaneTerminal();
});

test('what is typed is not read by anybody else: the input ends with the program', async () => {
  terminal.type(`ic exec ${CAGE} -- head -n 1`);
  await terminal.see(/exec/);
  terminal.type('one');
  await terminal.see(/^one\n+one$/m);
  await expectCode(0);
});

test('rm asks for a typed yes, and anything else keeps the work', async () => {
  terminal.type(`ic rm ${CAGE}`);
  await terminal.see(/kept\.txt[^]*Type yes/);
  terminal.type('y');
  await terminal.see(/kept tty/);
  await expectCode(1);
  expect((await sandbox.run(['exists', CAGE])).exitCode).toBe(0);
});

test('apply shows the files and asks; a no applies nothing, a yes does', async () => {
  terminal.type(`ic apply ${CAGE}`);
  await terminal.see(/kept\.txt[^]*\[y\/N\]/);
  terminal.press('Enter');
  await terminal.see(/nothing was applied/);
  expect(existsSync(join(project, 'kept.txt'))).toBe(false);
  terminal.clear();
  terminal.type(`ic apply ${CAGE}`);
  await terminal.see(/\[y\/N\]/);
  terminal.type('y');
  await terminal.see(/applied 1 file/);
  expect(existsSync(join(project, 'kept.txt'))).toBe(true);
});

test('a secret that is typed does not show', async () => {
  terminal.type('ic secret set TYPED_TOKEN --host a.example');
  await terminal.see(/value of TYPED_TOKEN/);
  terminal.type('hunter2-secret');
  await terminal.see(/stored TYPED_TOKEN/);
  expect(terminal.screen()).not.toContain('hunter2');
  await expectSaneTerminal();
  expect((await sandbox.run(['secret', 'list'])).stdout).toContain('TYPED_TOKEN');
});

describe('control sequences from inside', () => {
  const ESCAPES = '\\033]0;pwned\\007\\033[2J\\033[31mred\\r\\033[1;1H';
  beforeAll(async () => {
    const script = [
      `name=$(printf '${ESCAPES}evil')`,
      'printf x > "$name"; mkdir -p "dir$name"; printf x > "dir$name/f"; ln -s "$name" "link$name"',
      `printf 'line ${ESCAPES}\\n' >> README.md`,
      'exec 3<>/dev/tcp/192.0.2.1/80',
      `printf 'GET /${ESCAPES} HTTP/1.1\\r\\nHost: a${ESCAPES}.example\\r\\n\\r\\n' >&3; head -c 100 <&3`,
      `printf 'GET /%%1b]0;pwned HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n' > /dev/tcp/192.0.2.1/80`,
    ];
    await sandbox.run(['exec', CAGE, '--', 'bash', '-c', script.join('\n')]);
    expect((await sandbox.run(['diff', CAGE])).stdout).toContain('evil');
    expect((await sandbox.run(['audit', CAGE])).stdout).toContain('deny');
  });

  test.each([
    [['diff']],
    [['diff', '--full']],
    [['diff', '--stat']],
    [['diff', '--json']],
    [['audit']],
    [['audit', '--json']],
    [['audit', '--summary']],
    [['show']],
    [['apply']],
    [['rm']],
  ])('do not come out of %j', async (args) => {
    const [command = '', ...flags] = args;
    const piped = await sandbox.run([command, CAGE, ...flags]);
    expect(`${piped.stdout}${piped.stderr}`.replaceAll(/[\n\t]/g, '')).not.toMatch(/\p{Cc}/u);
    terminal.type(`echo marker; ic ${command} ${CAGE} ${flags.join(' ')}; echo e''nd`);
    await until('the end or a question', () => /^end$|\[y\/N\]|Type yes/m.test(terminal.screen()));
    expect(terminal.title()).not.toContain('pwned');
    // The screen was not cleared: what was printed before is still there.
    expect(terminal.screen()).toMatch(/^marker$/m);
  });

  test('do come out of the program itself, on its own terminal: that is what a terminal is for', async () => {
    terminal.type(`ic exec ${CAGE} -- printf '\\033]0;mine\\007'`);
    await until('the title to change', () => terminal.title() === 'mine');
  });
});
