// Fleets as a user runs them: real cages, real kills. A task's cage, run and results are there whatever ended the command.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
let project: string;
beforeAll(() => {
  sandbox = openSandbox();
  project = sandbox.project('shop');
});
afterAll(() => sandbox.close());

async function run(exitCode: number, ...args: string[]): Promise<CliResult> {
  const result = await sandbox.run(args, { cwd: project });
  expect([result.exitCode, result.stderr], args.join(' ')).toEqual([exitCode, expect.any(String)]);
  return result;
}

const fleetSchema = z.object({
  id: z.string(),
  endedAt: z.string().optional(),
  results: z.string(),
  tasks: z.array(
    z.object({
      name: z.string(),
      state: z.object({
        status: z.string(),
        cage: z.string().optional(),
        run: z.string().optional(),
        attempt: z.number(),
        reason: z.string().optional(),
      }),
    }),
  ),
});
type Fleet = z.infer<typeof fleetSchema>;

function writeFleet(name: string, text: string): string {
  const file = join(sandbox.directory, name);
  writeFileSync(file, text);
  return file;
}

async function newest(): Promise<Fleet> {
  const last = z
    .array(fleetSchema)
    .parse((await run(0, 'fleet', 'status', '--json')).json())
    .at(-1);
  if (last === undefined) throw new Error('there is no fleet');
  return last;
}

const stateOf = (fleet: Fleet, name: string): Fleet['tasks'][number]['state'] | undefined =>
  fleet.tasks.find((task) => task.name === name)?.state;

test('every task gets a cage of its own; checks decide, retries begin afresh, results are kept, the best is compared and kept', async () => {
  const file = writeFleet(
    'first.toml',
    [
      'jobs = 2',
      '[defaults]',
      'agent = "shell"',
      `source = ${JSON.stringify(project)}`,
      'checks = ["grep -q good out.txt"]',
      '[[tasks]]\nname = "good"\nprompt = "echo good > out.txt; echo hello"',
      '[[tasks]]\nname = "bad"\nprompt = "echo bad > out.txt"\nretries = 1',
      '[[tasks]]\nname = "dies"\nprompt = "exit 7"',
      '[[tasks]]\nname = "wrong"\nprompt = "x"\nnet = "nonsense"\nretries = 3',
    ].join('\n'),
  );
  const result = await run(1, 'fleet', 'run', file, '--json');
  const { fleet } = z.object({ event: z.literal('end'), fleet: fleetSchema }).parse(result.records().at(-1));
  expect(fleet.tasks.map(({ name, state }) => [name, state.status, state.attempt])).toEqual([
    ['good', 'done', 1],
    ['bad', 'failed', 2],
    ['dies', 'failed', 1],
    ['wrong', 'failed', 1],
  ]);
  expect(stateOf(fleet, 'bad')?.reason).toBe('check: grep -q good out.txt gave 1');
  expect(stateOf(fleet, 'dies')?.reason).toContain('7');
  expect(stateOf(fleet, 'wrong')?.reason).toContain('--net');
  expect(readFileSync(join(fleet.results, 'good', 'change.diff'), 'utf8')).toContain('+good');
  expect(JSON.parse(readFileSync(join(fleet.results, 'bad', 'result.json'), 'utf8'))).toMatchObject({
    ...{ task: 'bad', status: 'failed', attempt: 2 },
    files: [{ path: 'out.txt', change: 'added' }],
  });

  const [good, bad] = [`${fleet.id}-good`, `${fleet.id}-bad-2`];
  const compared = await run(0, 'compare', good, bad, '--check', 'grep -q good out.txt', '--json');
  expect(compared.json()).toMatchObject({
    cages: [
      { cage: good, status: 'done', checks: [{ exitCode: 0 }], change: { files: 1, insertions: 1 } },
      { cage: bad, status: 'done', checks: [{ exitCode: 1 }] },
    ],
    files: [{ path: 'out.txt', in: [{ outcome: 0 }, { outcome: 1 }] }],
  });
  expect((await run(0, 'compare', good, bad, '--full')).stdout).toMatch(/^-good\n\+bad$/m);
  // The work of the others is named first.
  expect((await run(126, 'compare', good, bad, '--keep', good, '-y')).stderr).toContain('out.txt');
  await run(0, 'compare', good, bad, '--keep', good, '-y', '--discard');
  expect((await run(1, 'exists', bad)).exitCode).toBe(1);

  expect((await run(126, 'fleet', 'rm', fleet.id, '-y')).stderr).toContain('out.txt');
  await run(0, 'fleet', 'rm', fleet.id, '-y', '--discard');
  expect(existsSync(fleet.results)).toBe(false);
  expect((await run(0, 'list', '--json')).json()).toEqual([]);
  expect((await run(0, 'fleet', 'status', '--json')).json()).toEqual([]);
});

test('killed, a fleet is gone on with: what runs is taken up and not begun again, what has ended stays as it is', async () => {
  const file = writeFleet(
    'second.yaml',
    [
      'jobs: 2',
      `defaults: { agent: shell, source: ${JSON.stringify(project)} }`,
      'tasks:',
      '  - { name: quick, prompt: "date +%s%N > stamp.txt" }',
      '  - { name: slow, prompt: "date +%s%N >> stamp.txt; while [ ! -e go ]; do sleep 0.1; done" }',
      '  - { name: last, prompt: "echo last > last.txt" }',
    ].join('\n'),
  );
  const first = sandbox.start(['fleet', 'run', file], { cwd: project });
  const begun = await waitFor(async () => {
    const fleet = await newest().catch(() => undefined);
    const isThere = fleet !== undefined && stateOf(fleet, 'slow')?.run !== undefined;
    return isThere && stateOf(fleet, 'last')?.status === 'done' ? fleet : undefined;
  });
  first.child.kill('SIGKILL');
  await first.result;
  expect((await run(125, 'fleet', 'rm', begun.id)).stderr).toContain(`fleet stop ${begun.id}`);
  const changed = readFileSync(file, 'utf8');
  writeFileSync(file, changed.replace('echo last', 'echo other'));
  expect((await run(126, 'fleet', 'run', file)).stderr).toContain('--fresh');
  writeFileSync(file, changed);

  const again = sandbox.start(['fleet', 'run', file, '--json'], { cwd: project });
  const slow = `${begun.id}-slow`;
  expect((await sandbox.run(['exec', slow, '--', 'touch', 'go'])).exitCode).toBe(0);
  const ended = await again.result;
  expect([ended.exitCode, ended.stderr]).toEqual([0, expect.stringContaining(`goes on with the fleet ${begun.id}`)]);
  const fleet = await newest();
  expect(fleet.id).toBe(begun.id);
  expect(fleet.endedAt).toBeDefined();
  expect(fleet.tasks.map(({ state }) => state.attempt)).toEqual([1, 1, 1]);
  const stamps = await run(0, 'exec', slow, '--', 'cat', 'stamp.txt');
  expect(stamps.stdout.trim().split('\n')).toHaveLength(1);
  await run(0, 'fleet', 'rm', fleet.id, '-y', '--discard');
});

test('Ctrl-C ends the command and not what runs, and says how to go on; stop ends both', async () => {
  const file = writeFleet(
    'third.toml',
    `[[tasks]]\nname = "endless"\nagent = "shell"\nsource = ${JSON.stringify(project)}\nprompt = "sleep 600"\n`,
  );
  const begun = sandbox.start(['fleet', 'run', file], { cwd: project });
  const fleet = await waitFor(async () => {
    const seen = await newest().catch(() => undefined);
    return seen !== undefined && stateOf(seen, 'endless')?.run !== undefined ? seen : undefined;
  });
  // Two commands never work on one fleet.
  expect((await run(125, 'fleet', 'stop', fleet.id)).stderr).toContain('busy');
  begun.child.kill('SIGINT');
  const result = await begun.result;
  expect(result.signal).toBe('SIGINT');
  expect(result.stderr).toContain(`ironcage fleet stop ${fleet.id}`);
  const runs = (): Promise<CliResult> => run(0, 'runs', `${fleet.id}-endless`, '--json');
  expect((await runs()).json()).toMatchObject([{ status: 'running' }]);
  await run(0, 'fleet', 'stop', fleet.id);
  expect((await runs()).json()).toMatchObject([{ status: 'stopped' }]);
  expect(stateOf(await newest(), 'endless')).toMatchObject({ status: 'stopped' });
  await run(0, 'fleet', 'rm', fleet.id, '-y', '--discard');
});

async function waitFor<T>(look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + 90_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error('it did not come to be');
    await new Promise((wake) => setTimeout(wake, 100));
  }
}
