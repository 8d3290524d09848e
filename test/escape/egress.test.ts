// The egress holds the secrets and has the host's network: whoever takes it over from inside a cage must win nothing more.
// Programs of the test's own run under exactly its confinement, and beside each stands where the same works.
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { egressCommand } from '../../src/backends/host/egress-command.ts';
import { CONFINED_MEMORY_BYTES } from '../../src/backends/host/confined-command.ts';
import { RUN_FILES } from '../../src/backends/host/layout.ts';
import { openSession } from '../../src/cage/session.ts';
import { portOf } from '../integration/egress-rig.ts';
import { onHost, startTestCage, type Captured, type TestCage } from '../support/cage.ts';

const isRoot = process.getuid?.() === 0;
let cage: TestCage;
let server: Server;
beforeAll(async () => {
  cage = await startTestCage('egress');
  server = createServer((socket) => socket.end('the host'));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});
afterAll(async () => {
  server.close();
  await cage.remove();
});

/** Python takes the place of a file of authorities: the one way in which a file of the test's choice comes into it. */
const PROGRAM = '/egress/authority-0.pem';

let runs = 0;
/** Runs a program with the command line, the filter and the directories of an egress. */
async function confined(argv: readonly string[], input = ''): Promise<Captured> {
  const { identity, callerIsRoot, tools, path, paths } = await openSession(cage.context, cage.name);
  const at = join(cage.directory, `egress-${(runs += 1)}`);
  const directories = { ca: join(at, 'ca'), audit: join(at, 'audit'), control: join(at, 'control') };
  for (const directory of [at, ...Object.values(directories)]) {
    mkdirSync(directory);
    chmodSync(directory, 0o755);
    if (callerIsRoot && directory !== at) chownSync(directory, identity.egressUid, identity.egressUid);
  }
  const authorityFiles = [realpathSync('/usr/bin/python3')];
  const launch = { identity, callerIsRoot, directories, authorityFiles, runDirectory: paths.run };
  const [program = '', ...args] = egressCommand(launch, tools, argv);
  const filter = openSync(join(paths.run, RUN_FILES.egressFilter), 'r');
  const child = spawn(program, args, { env: { PATH: path }, stdio: ['pipe', 'pipe', 'pipe', 'ipc', filter] });
  closeSync(filter);
  child.stdin?.end(input);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (bytes: Buffer) => (stdout += bytes.toString('utf8')));
  child.stderr?.on('data', (bytes: Buffer) => (stderr += bytes.toString('utf8')));
  const exitCode = await new Promise<number | null>((ended) => child.once('close', ended));
  return { exitCode, stdout: stdout.trimEnd(), stderr: stderr.trimEnd(), bytes: Buffer.from(stdout) };
}

const python = (script: string): Promise<Captured> => confined([PROGRAM, '-I', '-'], script);

/** Prints what came of it: the value, or the name of the error. */
const attempt = (expression: string): string => `
import ctypes, errno, os, resource, socket, subprocess, threading
libc = ctypes.CDLL(None, use_errno=True)
BAD = 1
def call(*arguments):
    result = libc.syscall(*(ctypes.c_long(value) for value in arguments))
    return 'worked' if result >= 0 else errno.errorcode[ctypes.get_errno()]
def fork():
    child = os.fork()
    if child == 0: os._exit(0)
    os.waitpid(child, 0)
    return 'forked'
def thread():
    said = []
    one = threading.Thread(target=lambda: said.append('ran'))
    one.start(); one.join()
    return said[0]
def write(path):
    with open(path, 'w') as file: file.write('x')
    return 'written'
try:
    print(${expression})
except OSError as error:
    print(errno.errorcode.get(error.errno, error))
except (MemoryError, ValueError) as error:
    print(type(error).__name__, error)
`;

interface Case {
  id: string;
  attempt: string;
  expression: string;
  fails: RegExp;
  /** Under the same confinement, or as whoever runs the tests. */
  control: { on: 'inside' | 'host'; expression?: string; shows: RegExp };
}

const number = (x64: number, arm64: number): number => (process.arch === 'arm64' ? arm64 : x64);
const THREADS = { on: 'inside', expression: 'thread()', shows: /^ran$/ } as const;
const WRITES = { on: 'inside', expression: "write('/egress/audit/x')", shows: /^written$/ } as const;

const CASES: readonly Case[] = [
  { id: 'EGR-01', attempt: 'has no second process', expression: 'fork()', fails: /^EPERM$/, control: THREADS },
  {
    id: 'EGR-02',
    attempt: 'starts no program',
    expression: `subprocess.run(['${PROGRAM}', '-c', 'print(1)']).returncode`,
    fails: /^EPERM$/,
    control: { on: 'host', expression: "subprocess.run(['/usr/bin/true']).returncode", shows: /^0$/ },
  },
  {
    id: 'EGR-03',
    attempt: 'finds no shell and no tool to become',
    expression:
      "[path for path in ('/bin/sh', '/usr/bin/env', '/usr/bin/bwrap', '/usr/bin/git') if os.path.exists(path)]",
    fails: /^\[\]$/,
    control: { on: 'host', shows: /sh/ },
  },
  {
    id: 'EGR-04',
    attempt: 'is as confined after it has become another program',
    expression: `os.execv('${PROGRAM}', ['python', '-I', '-c', 'import os\\ntry: os.fork()\\nexcept OSError as e: print("still", e.errno)'])`,
    fails: /^still 1$/,
    control: THREADS,
  },
  ...[
    '/x',
    '/app/x',
    '/app/dist/x',
    '/etc/x',
    '/usr/lib/x',
    '/egress/x',
    '/proc/sys/kernel/core_pattern',
    '/dev/x',
  ].map((path, index): Case => ({
    id: `EGR-05${'abcdefgh'[index] ?? ''}`,
    attempt: `writes nothing at ${path}`,
    expression: `write('${path}')`,
    fails: /^(EROFS|EACCES)$/,
    control: WRITES,
  })),
  ...(
    [
      ['a symbolic link', "os.symlink('/etc/passwd', '/egress/audit/link')"],
      ['a second name of a file', "os.link('/app/package.json', '/egress/audit/link')"],
      ['a pipe', "os.mkfifo('/egress/audit/pipe')"],
      ['a file of another owner', "os.chown('/egress/audit', 0, 0)"],
    ] as const
  ).map(([what, expression], index): Case => ({
    id: `EGR-06${'abcd'[index] ?? ''}`,
    attempt: `leaves nothing that could lead a reader of its record elsewhere: ${what}`,
    expression,
    fails: /^EPERM$/,
    control: WRITES,
  })),
  {
    id: 'EGR-07',
    attempt: 'does not see ironcage’s data, other cages or a home',
    expression: `[path for path in ('DATA_ROOT', '/home', '/root', '/tmp', '/var', '/sys') if os.path.exists(path)]`,
    fails: /^\[\]$/,
    control: { on: 'host', shows: /home/ },
  },
  {
    id: 'EGR-08',
    attempt: 'sees no process but its own',
    expression: "[p for p in os.listdir('/proc') if p.isdigit() and int(p) > 20] + [os.getppid()]",
    fails: /^\[[01]\]$/,
    control: { on: 'host', shows: /,/ },
  },
  {
    id: 'EGR-09',
    attempt: 'cannot raise its bound of memory',
    expression: 'resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))',
    fails: /^ValueError not allowed to raise maximum limit$/,
    control: {
      on: 'inside',
      expression: 'resource.setrlimit(resource.RLIMIT_DATA, (100 << 20, 100 << 20)) or "lowered"',
      shows: /^lowered$/,
    },
  },
  {
    id: 'EGR-10',
    attempt: 'gets no more memory than its bound',
    expression: `len(bytearray(${CONFINED_MEMORY_BYTES}))`,
    fails: /^MemoryError/,
    control: { on: 'inside', expression: 'len(bytearray(128 << 20))', shows: /^134217728$/ },
  },
  {
    id: 'EGR-11',
    attempt: 'leaves no core file',
    expression: 'resource.getrlimit(resource.RLIMIT_CORE)',
    fails: /^\(0, 0\)$/,
    control: { on: 'inside', expression: 'resource.getrlimit(resource.RLIMIT_DATA)', shows: /^\([1-9]/ },
  },
  {
    id: 'EGR-12',
    attempt: 'opens no packet socket',
    expression: "socket.socket(17, socket.SOCK_RAW, 3) and 'opened'",
    fails: /^EAFNOSUPPORT$/,
    control: { on: 'inside', expression: "socket.socket() and 'opened'", shows: /^opened$/ },
  },
  {
    id: 'EGR-13',
    attempt: 'opens no raw socket',
    expression: "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) and 'opened'",
    fails: /^EPERM$/,
    control: { on: 'inside', expression: "socket.socket() and 'opened'", shows: /^opened$/ },
  },
];

async function outcome(place: 'inside' | 'host', expression: string): Promise<string> {
  const script = attempt(expression.replace('DATA_ROOT', cage.context.dataRoot));
  const { stdout, stderr } = await (place === 'host' ? onHost.python(script) : python(script));
  return stdout === '' ? stderr : stdout;
}

describe('The confinement of an egress: it', () => {
  for (const { id, attempt: what, expression, fails, control } of CASES) {
    test(`${id}: ${what}`, async () => {
      expect(await outcome(control.on, control.expression ?? expression)).toMatch(control.shows);
      expect(await outcome('inside', expression)).toMatch(fails);
    });
  }
});

/** Arguments that a kernel without the filter answers differently. */
const CALLS = [
  ['ptrace', number(101, 117), '99, -1, 0, 0', 'EPERM'],
  ['process_vm_readv', number(310, 270), '1, BAD, 1, BAD, 1, 7', 'EPERM'],
  ['pidfd_open', 434, '-1, 0', 'EPERM'],
  ['pidfd_getfd', 438, '-1, -1, 0', 'EPERM'],
  ['mount', number(165, 40), 'BAD, BAD, BAD, 0, 0', 'EPERM'],
  ['unshare', number(272, 97), '0x80000001', 'EPERM'],
  ['setns', number(308, 268), '-1, 0', 'EPERM'],
  ['chroot', number(161, 51), 'BAD', 'EPERM'],
  ['clone3', 435, 'BAD, 88', 'ENOSYS'],
  ['execveat', number(322, 281), '-1, BAD, BAD, BAD, 0', 'EPERM'],
  ['bpf', number(321, 280), '0, BAD, 48', 'EPERM'],
  ['perf_event_open', number(298, 241), 'BAD, 0, -1, -1, 0', 'EPERM'],
  ['userfaultfd', number(323, 282), '0x40000000', 'EPERM'],
  ['keyctl', number(250, 219), '6, 0, BAD, 0, 0', 'EPERM'],
  ['io_uring_setup', 425, '1, BAD', 'ENOSYS'],
  ['memfd_create', number(319, 279), 'BAD, 0', 'EPERM'],
  ['setuid', number(105, 146), '-1', 'EPERM'],
  ['kexec_load', number(246, 104), '0, 0, BAD, 0xff', 'EPERM'],
] as const;

describe('A system call that an egress has no use for is refused, whatever its arguments', () => {
  const known = process.arch === 'x64' || process.arch === 'arm64';
  test.skipIf(!known).each(CALLS)('%s', async (_name, id, args, refused) => {
    const expression = `call(${id}, ${args})`;
    expect(await outcome('inside', expression)).toBe(refused);
    // Root's answer on the host comes from the call itself.
    if (isRoot) expect(await outcome('host', expression)).not.toBe(refused);
  });
});

test('EGR-20: its network is the host’s, which is what it is for', async () => {
  const expression = `socket.create_connection(('127.0.0.1', ${portOf(server)})).recv(20).decode()`;
  expect(await outcome('inside', expression)).toBe('the host');
});

test('EGR-21: a flood of buffers ends the program within its bound, and not the machine', async () => {
  const flood = (most: number): string => `
    const { readFileSync, writeSync } = require('node:fs');
    const kept = [];
    while (kept.length < ${most}) {
      kept.push(Buffer.alloc(8 * 2 ** 20, 1));
      writeSync(1, String(kept.length) + '\\n');
    }
    writeSync(1, 'held all\\n');`;
  const hold = async (most: number): Promise<string[]> =>
    (await confined(['/app/node', '--max-old-space-size=256', '-e', flood(most)])).stdout.split('\n');
  expect((await hold(16)).at(-1)).toBe('held all');
  const held = await hold(200);
  expect(held.at(-1)).not.toBe('held all');
  expect(Number(held.at(-1)) * 8 * 2 ** 20).toBeGreaterThan(128 * 2 ** 20);
  expect(Number(held.at(-1)) * 8 * 2 ** 20).toBeLessThan(CONFINED_MEMORY_BYTES);
});

test('EGR-22: Node bounds the heap of a program beside a cage by the memory that it is told of', async () => {
  const ask = `process.stdout.write(String(require('node:v8').getHeapStatistics().heap_size_limit))`;
  const { stdout } = await confined(['/app/node', '-e', ask]);
  expect(Number(stdout)).toBeLessThan(300 * 2 ** 20);
  // The rest of all its memory is for buffers.
  expect(Number(stdout)).toBeLessThan(CONFINED_MEMORY_BYTES * 0.6);
  const control = await onHost.exec([process.execPath, '-e', ask]);
  expect(Number(control.stdout)).toBeGreaterThan(Number(stdout));
});
