// The terminal of the user who starts a cage is not the cage's: nothing inside can read it or type into it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { escapeTests } from '../support/escape-case.ts';
import { runOnPty } from '../support/pty.ts';

let cage: TestCage;

beforeAll(async () => {
  cage = await startTestCage('terminal');
});
afterAll(() => cage.remove());

const IOCTLS = String.raw`
import errno, fcntl, os, struct, termios
TIOCLINUX, TIOCCONS, TIOCSETD = 0x541c, 0x541d, 0x5423
def attempt(name, request, argument):
    try:
        fcntl.ioctl(terminal, request, argument)
        print(name, 'worked')
    except OSError as error:
        print(name, errno.errorcode[error.errno])
`;
const INJECT = String.raw`
attempt('push', termios.TIOCSTI, b'x')
attempt('paste', TIOCLINUX, b'\x03')
attempt('console', TIOCCONS, 0)
attempt('discipline', TIOCSETD, struct.pack('i', 0))
`;
const SIZE = String.raw`attempt('size', termios.TIOCGWINSZ, bytes(8))`;
const OWN_PTY = `${IOCTLS}\nterminal = os.openpty()[1]\n`;

escapeTests(
  () => cage,
  [
    {
      id: 'ESC-49a',
      attempt: 'nothing can be typed into a terminal, not even into one of the cage’s own',
      script: OWN_PTY + INJECT,
      language: 'python',
      fails: /^push EPERM\npaste EPERM\nconsole EPERM\ndiscipline EPERM$/,
      control: { on: 'inside', script: OWN_PTY + SIZE, shows: /^size worked$/ },
    },
    {
      id: 'ESC-49b',
      attempt: 'a program on pipes has no controlling terminal',
      script: '(exec 3</dev/tty) 2>/dev/null && echo opened; ps -o tty= -p $$ 2>/dev/null || echo "?"',
      fails: /^\?\s*$/,
      control: { on: 'inside', script: '[ -c /dev/tty ] && echo there', shows: /^there$/ },
    },
    {
      id: 'ESC-49c',
      attempt: 'terminals of the host are not listed',
      script: 'ls /dev/pts',
      fails: /^(?:ptmx)?$/,
      control: {
        on: 'inside',
        script: '/usr/bin/python3 -c \'import os; os.openpty(); print(os.listdir("/dev/pts"))\'',
        shows: /'0'/,
      },
    },
  ],
);

test('ESC-49d: a program at a terminal has another one than the user, and cannot type into it', async () => {
  const { argv, env } = cage.ironcage;
  const probe = `${IOCTLS}\nterminal = 0\nprint('inside', os.readlink('/proc/self/fd/0'), '%d:%d' % (os.fstat(0).st_dev, os.fstat(0).st_ino), os.isatty(0))\n${INJECT}\n${SIZE}`;
  const enter = argv('exec', 'terminal', '--', '/usr/bin/python3', '-c', probe);
  const shell = [
    '/bin/sh',
    '-c',
    'echo outside $(readlink /proc/self/fd/0) $(stat -L -c %d:%i /proc/self/fd/0); exec "$@"',
    'sh',
    ...enter,
  ];
  const { output, exitCode } = await runOnPty(shell, env, cage.project).ended;
  expect(exitCode, output).toBe(0);
  // Two file systems of terminals may each have one of the same name: the file system and the file in it tell them apart.
  const outside = /outside \/dev\/pts\/\d+ (\d+:\d+)/.exec(output)?.[1];
  const inside = /inside \/dev\/pts\/\d+ (\d+:\d+) True/.exec(output)?.[1];
  expect(outside, output).toBeDefined();
  expect(inside, output).toBeDefined();
  expect(inside).not.toBe(outside);
  expect(output.replaceAll('\r', '')).toContain(
    'push EPERM\npaste EPERM\nconsole EPERM\ndiscipline EPERM\nsize worked',
  );
});

test('ESC-49e: a terminal that pipes hide from the program is not reachable as its controlling terminal either', async () => {
  const { argv, env } = cage.ironcage;
  const enter = argv(
    'exec',
    'terminal',
    '--',
    '/bin/sh',
    '-c',
    '(: </dev/tty) 2>/dev/null && echo "opened it" || echo "has none"',
  );
  const outer = '(: </dev/tty) && echo "outside has one"; "$@" </dev/null 2>&1 | cat';
  const { output } = await runOnPty(['/bin/sh', '-c', outer, 'sh', ...enter], env, cage.project).ended;
  expect(output).toContain('outside has one');
  expect(output).toContain('has none');
  expect(output).not.toContain('opened it');
});
