// A machine that lacks something: a tool, a switch of the kernel, space on the disk. Each is arranged for one command by
// running it behind another namespace; the machine itself is not touched.
import { mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchPath } from '../../src/backends/host/tools.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
let project: string;
beforeAll(async () => {
  sandbox = openSandbox();
  project = sandbox.project('p');
  const made = await sandbox.run(['run', 'shell', project, '--name', 'shop', '--', 'sh', '-c', 'echo mine > work.txt']);
  expect(made.exitCode).toBe(0);
});
afterAll(() => sandbox.close());

const isRoot = process.getuid?.() === 0;

/** Every place on the search path where a program lies, behind its links. */
function placesOf(program: string): string[] {
  const directories = searchPath(sandbox.env)
    .split(':')
    .filter((path) => path.startsWith('/'));
  const found = directories.flatMap((directory) => {
    try {
      return readdirSync(directory).includes(program) ? [realpathSync(join(directory, program))] : [];
    } catch {
      // A directory of PATH that is not there.
      return [];
    }
  });
  return [...new Set(found)];
}

/** A command line prefix under which the program cannot be run: something that is not executable lies over it. */
function without(program: string): string[] {
  const places = placesOf(program);
  expect(places.length).toBeGreaterThan(0);
  return ['bwrap', '--dev-bind', '/', '/', ...places.flatMap((place) => ['--ro-bind', '/dev/null', place]), '--'];
}

describe('a missing tool', () => {
  test.each([
    ['bwrap', 'bubblewrap'],
    ['ip', 'iproute2'],
    ['git', 'git'],
    ['nsenter', 'util-linux'],
    ['setpriv', 'util-linux'],
    ['prlimit', 'util-linux'],
    ['mount', 'mount'],
  ])(
    '%s is named with its package by create, start and doctor, and nothing is half-made',
    async (program, debianPackage) => {
      const behind = without(program);
      for (const args of [
        ['create', project, '--name', 'lacking'],
        ['run', 'shell', project, '--name', 'lacking', '--', 'true'],
      ]) {
        const result = await sandbox.run([args[0] ?? '', '--json', ...args.slice(1)], { behind });
        expect(result.exitCode, result.stderr).toBe(125);
        expect(result.told()).toMatchObject({
          error: {
            code: 'E_TOOL_MISSING',
            message: expect.stringContaining(program),
            hint: expect.stringContaining(`apt-get install ${debianPackage}`),
          },
        });
      }
      expect((await sandbox.run(['exists', 'lacking'], { behind })).exitCode).toBe(1);
      const started = await sandbox.run(['start', 'shop', '--json'], { behind });
      if (program !== 'git') {
        expect(started.told()).toMatchObject({ error: { code: 'E_TOOL_MISSING' } });
        expect(started.exitCode).toBe(125);
      }
      const report = await sandbox.run(['doctor', '--json'], { behind });
      expect(report.exitCode).toBe(125);
      expect(report.json()).toMatchObject({
        ok: false,
        checks: expect.arrayContaining([expect.objectContaining({ id: `tool.${program}`, status: 'fail' })]),
      });
      expect((await sandbox.run(['list', '--json'], { behind })).json()).toMatchObject([{ name: 'shop' }]);
      await sandbox.run(['stop', 'shop']);
    },
  );
});

describe('a kernel that forbids user namespaces', () => {
  // In a user namespace of its own the switch can be set without touching the machine's.
  const behind = [
    ...['bwrap', '--dev-bind', '/', '/', '--unshare-user', '--uid', '1000', '--gid', '1000', '--cap-add', 'ALL'],
    ...['--', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', 'sh'],
    ...['setpriv', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all', '--'],
  ];
  test('is named with the setting and the fix by create, start and doctor', async () => {
    const made = await sandbox.run(['create', project, '--name', 'forbidden', '--json'], { behind });
    expect(made.exitCode, made.stderr).toBe(125);
    expect(made.told()).toMatchObject({
      error: { code: 'E_KERNEL', hint: expect.stringMatching(/max_user_namespaces|unprivileged_userns_clone/) },
    });
    const report = await sandbox.run(['doctor', '--json'], { behind });
    expect(report.json()).toMatchObject({
      ok: false,
      checks: expect.arrayContaining([expect.objectContaining({ id: 'kernel.namespaces', status: 'fail' })]),
    });
    const started = await sandbox.run(['start', 'shop', '--json'], { behind });
    expect(started.exitCode, started.stderr).toBe(125);
    expect((await sandbox.run(['exists', 'forbidden'])).exitCode).toBe(1);
    expect((await sandbox.run(['exec', 'shop', '--', 'cat', 'work.txt'])).stdout).toBe('mine\n');
    await sandbox.run(['stop', 'shop']);
  });
});

describe.skipIf(!isRoot)('a full disk (mounting one takes root)', () => {
  let small: string;
  beforeAll(() => {
    small = join(sandbox.directory, 'small');
    mkdirSync(small);
  });

  /** Runs a script with `"$@"` as the program over a data root on a file system of `size`. */
  function onDisk(size: string, script: string): ReturnType<Sandbox['run']> {
    const prepare = `mount -t tmpfs -o size=${size},mode=700 tmpfs "${small}" ; ${script}`;
    return sandbox.run([], {
      behind: ['unshare', '--mount', 'sh', '-c', prepare, 'sh'],
      env: { IRONCAGE_HOME: small },
    });
  }

  test('is an error that says so, at creation, and leaves nothing half-made', async () => {
    const result = await onDisk('48k', `"$@" create "${project}" --name full --json; echo "code $?"; "$@" list --json`);
    expect(result.stdout).toBe('code 125\n[]\n');
    expect(result.told()).toMatchObject({ error: { code: 'E_DISK_FULL', hint: expect.stringMatching(/free/) } });
  });

  test('that fills while the cage runs refuses requests, loses no work, and all goes on when there is room', async () => {
    const script = [
      `"$@" create "${project}" --name full --allow a.example`,
      '"$@" start full',
      `"$@" exec full -- sh -c 'echo mine > work.txt; head -c 100m /dev/zero > ~/fill 2>/dev/null; echo filled'`,
      `"$@" exec full -- curl -sS -o /dev/null -w '%{http_code}\\n' http://a.example/`,
      '"$@" diff full --json >/dev/null 2>"$TMPDIR/full-diff"; echo "diff $?"; cat "$TMPDIR/full-diff" >&2; rm "$TMPDIR/full-diff"',
      '"$@" policy allow full b.example >/dev/null 2>&1; echo "policy $?"',
      '"$@" exec full -- sh -c \'rm ~/fill\'',
      '"$@" policy allow full b.example >/dev/null; echo "policy $?"',
      '"$@" diff full',
      '"$@" exec full -- cat work.txt',
      '"$@" exec full -- sh -c \'head -c 100m /dev/zero > ~/fill 2>/dev/null; echo filled again\'',
      '"$@" stop full; echo "stop $?"',
      '"$@" rm -y --discard full; echo "rm $?"; "$@" list --json',
    ].join('\n');
    const result = await onDisk('6m', script);
    expect(result.stderr).not.toMatch(/E_BUG|node:internal/);
    expect(result.stdout).toMatch(
      /^full\nfilled\n(403|5\d\d|000)\ndiff 125\npolicy 125\npolicy 0\n.*work\.txt[^\n]*\n.*mine\nfilled again\nstop 0\nrm 0\n\[\]\n$/s,
    );
    expect(result.stderr).toContain('E_DISK_FULL');
  });
});
