// Published ports over the real program: what a script would do with them, while connections go on, over crashes and stops.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSandbox, until, type CliResult, type Sandbox } from '../support/sandbox.ts';
import { ask, finish, keepConnected, servingScript, takePort } from '../support/published.ts';

const CHILD = fileURLToPath(new URL('step-child.mjs', import.meta.url));
const CAGE = 'ports';

let sandbox: Sandbox;
let project: string;
beforeAll(() => {
  sandbox = openSandbox();
  project = sandbox.project('p');
});
afterAll(() => sandbox.close());

interface Published {
  running: boolean;
  ports: { address: string; port: number; cagePort: number; open: boolean }[];
}

async function ok(...args: string[]): Promise<CliResult> {
  const result = await sandbox.run(args, { cwd: project });
  expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0);
  return result;
}

async function published(...change: string[]): Promise<Published> {
  return JSON.parse((await ok('ports', CAGE, ...change, '--json')).stdout);
}

async function serve(port: number, name: string): Promise<void> {
  const served = await sandbox.run(['exec', CAGE, '--', 'python3', '-'], { input: servingScript(port, name) });
  expect(served.exitCode, served.stderr).toBe(0);
}

/** The host’s number of the port that leads to one of the cage’s. */
async function outside(cagePort: number): Promise<number> {
  return (await published()).ports.find((port) => port.cagePort === cagePort)?.port ?? 0;
}

function forwarders(): number[] {
  const state: { forwarders?: { process: { pid: number } }[] } = JSON.parse(
    readFileSync(join(sandbox.dataRoot, 'cages', CAGE, 'state.json'), 'utf8'),
  );
  return (state.forwarders ?? []).map(({ process }) => process.pid);
}

test('a run that names a port publishes it for a new cage, and one more on a cage that runs, live', async () => {
  const hold = sandbox.start(
    ['run', 'shell', '--name', CAGE, '--port', '0:8781', '--', 'sh', '-c', 'echo ready; exec cat'],
    { cwd: project, keepInput: true },
  );
  await until('the cage to run', async () => (await sandbox.run(['ports', CAGE, '--json'])).stdout.includes('true'));
  const first = await outside(8781);
  await serve(8781, 'first');
  const connection = await keepConnected(first);
  connection.write('before ');
  await ok('run', 'shell', '--name', CAGE, '--port', '0:8782', '--port', '0:8781', '--', 'true');
  const [, second, ...more] = (await published()).ports;
  expect(second).toMatchObject({ address: '127.0.0.1', cagePort: 8782, open: true });
  expect(more).toEqual([]);
  connection.write('and after');
  expect(await finish(connection)).toBe('first:before and after');
  hold.child.stdin.end();
  expect((await hold.result).exitCode).toBe(0);
});

test('ports come and go while a connection over another goes on', async () => {
  await ok('restart', CAGE);
  await serve(8781, 'first');
  await serve(8783, 'third');
  const connection = await keepConnected(await outside(8781));
  connection.write('one ');
  await published('add', '0:8783');
  const third = await outside(8783);
  expect(await ask(third, 'hello')).toEqual({ text: 'third:hello', end: 'closed' });
  connection.write('two ');
  const cut = await keepConnected(third);
  expect((await published('rm', String(third))).ports.map(({ cagePort }) => cagePort)).toEqual([8781, 8782]);
  expect(await finish(cut)).toBe('');
  expect(await ask(third, 'hello')).toMatchObject({ end: 'refused' });
  connection.write('three');
  expect(await finish(connection)).toBe('first:one two three');
});

test('what forwards a port and is killed is told, and forwards again with the next command', async () => {
  const first = await outside(8781);
  const [pid = 0, other = 0] = forwarders();
  process.kill(pid, 'SIGKILL');
  await until('the port to be closed', async () => (await ask(first, '')).end === 'refused');
  expect((await published()).ports).toMatchObject([{ open: false }, { open: true }]);
  expect((await ok('show', CAGE)).stdout).toContain(`has ended: ironcage start ${CAGE}`);
  expect((await ok('exec', CAGE, '--', 'true')).stderr).toContain('it is again');
  expect(await ask(first, 'back')).toEqual({ text: 'first:back', end: 'closed' });
  expect(forwarders()).toContain(other);
  process.kill(forwarders()[1] ?? 0, 'SIGKILL');
  expect(JSON.parse((await sandbox.run(['doctor', '--fix', '--json'])).stdout)).toMatchObject({
    repaired: [expect.stringContaining(`of ${CAGE} again`)],
  });
});

test('a port that another program has taken fails the start and says whom to ask; a cage that runs goes on', async () => {
  const taken = await takePort();
  const port = `127.0.0.1:${taken.port}`;
  try {
    const added = await sandbox.run(['ports', CAGE, 'add', `${taken.port}:8784`, '--json']);
    expect(added.exitCode).toBe(125);
    expect(added.told()).toMatchObject({ error: { code: 'E_PORT', message: `${port} of this machine is taken` } });
    expect((await published()).ports).toHaveLength(2);
    await ok('stop', CAGE);
    await published('add', `${taken.port}:8784`);
    const started = await sandbox.run(['start', CAGE]);
    expect(started.exitCode).toBe(125);
    expect(started.stderr).toMatch(/another program listens there[^]*ironcage ports CAGE rm/);
    expect(sandbox.processes()).toEqual([]);
    const run = await sandbox.run(['run', 'shell', '--name', 'other', '--port', `${taken.port}`, '--', 'true'], {
      cwd: project,
    });
    expect(run.exitCode).toBe(125);
    expect((await sandbox.run(['exists', 'other'])).exitCode).toBe(1);
  } finally {
    await taken.release();
  }
  await ok('start', CAGE);
  expect((await published()).ports.map(({ open }) => open)).toEqual([true, true, true]);
  const again = await sandbox.run(['create', project, '--name', 'other', '--port', `${taken.port}`]);
  expect(again.stderr).toContain(`the cage ${CAGE} publishes a port there`);
});

test('the egress is not reached by a published port, whichever comes first', async () => {
  for (const port of ['8080:3128', '8443:443', '8053:53']) {
    const refused = await sandbox.run(['ports', CAGE, 'add', port, '--json']);
    expect(refused.told()).toMatchObject({ error: { code: 'E_USAGE', message: expect.stringContaining('egress') } });
  }
  const rule = await sandbox.run(['policy', 'allow', CAGE, 'a.example:8781', '--json']);
  expect(rule.told()).toMatchObject({ error: { code: 'E_USAGE', message: expect.stringContaining('8781') } });
  expect((await ok('policy', 'show', CAGE)).stdout).not.toContain('8781');
});

const STEPS = ['old ones ended', 'forwarding', 'committed', 'written'];

test('a change that was cut off before or after it is on disk leaves no port open that nobody knows of, and none lost', async () => {
  for (const number of [1, 2]) {
    const args = [CHILD, 'publish', CAGE, project, String(number)];
    const child = spawnSync(process.execPath, args, { env: sandbox.env, encoding: 'utf8', timeout: 60_000 });
    expect(child.signal, child.stderr).toBe('SIGKILL');
    expect(child.stdout.split('\n').filter(Boolean)).toEqual(
      STEPS.slice(0, number + 1).map((step) => `ports: ${step}`),
    );
    await ok('start', CAGE);
    const { ports } = await published();
    expect(ports.map(({ open }) => open)).not.toContain(false);
    const isThere = ports.some(({ cagePort }) => cagePort === 8785);
    expect(isThere).toBe(number >= STEPS.indexOf('committed'));
    if (isThere) await published('rm', String(await outside(8785)));
    expect(sandbox.processes().filter((line) => line.includes('forward-port'))).toHaveLength(3);
  }
  await ok('stop', CAGE);
  expect(sandbox.processes()).toEqual([]);
});
