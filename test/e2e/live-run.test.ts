// A run over a cage that runs already: rules go live, what a cage is made of does not.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { readCageState } from '../../src/cage/store.ts';
import { openContext } from '../../src/index.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const HOST = 'api.example';
let sandbox: Sandbox;
let upstream: Upstream;

beforeAll(async () => {
  sandbox = openSandbox();
  upstream = await startUpstream(HOST);
});
afterAll(async () => {
  await sandbox?.close();
  await upstream?.close();
});

test('a run that only adds rules and settings of inspectors changes a cage in use, and any other is refused', async () => {
  const project = sandbox.project('busy');
  const route = upstream.route(HOST);
  const created = await sandbox.run(['create', project, '--name', 'busy', '--allow', `${HOST}/one`, '--route', route]);
  expect(created.exitCode).toBe(0);
  const user = sandbox.start(['exec', 'busy', '--', 'sh', '-c', 'echo ready; read line; echo "$line"'], {
    keepInput: true,
  });
  await new Promise((ready) => user.child.stdout.once('data', ready));
  const run = (...options: string[]) => {
    const fetch = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', `https://${HOST}/two`];
    return sandbox.run(['run', 'shell', project, '--name', 'busy', ...options, '--', ...fetch]);
  };
  const shown = async () =>
    z
      .looseObject({
        confirmed: z.boolean(),
        generation: z.number(),
        rules: z.array(z.looseObject({ text: z.string() })),
      })
      .parse((await sandbox.run(['policy', 'show', 'busy', '--json'])).json());
  expect((await run()).stdout).toBe('403');
  const rules = join(sandbox.directory, 'rules.toml');
  writeFileSync(rules, '[[rule]]\nhost = "c.example"\n[inspect]\nsecret-shapes = "block"\n');
  const grant = ['--allow', `${HOST}/two expires=2h`, '--policy', rules];
  expect(await run(...grant)).toMatchObject({ exitCode: 0, stdout: '200' });
  const first = await shown();
  expect(first).toMatchObject({ confirmed: true, generation: 2, inspection: { secretShapes: 'block' } });
  // Each time the two hours begin anew: another rule, and no reason to restart anything.
  expect(await run(...grant)).toMatchObject({ exitCode: 0, stdout: '200' });
  const second = await shown();
  expect(second).toMatchObject({ confirmed: true, generation: 3 });
  expect(second.rules).toHaveLength(first.rules.length);
  expect(second.rules.map(({ text }) => text)).not.toEqual(first.rules.map(({ text }) => text));
  for (const more of [
    ['--env', 'X=1'],
    ['--allow', 'd.example:8443'],
  ]) {
    const refused = await run(...grant, ...more);
    expect(refused.exitCode).toBe(125);
    expect(refused.stderr).toContain('the cage busy is in use and would have to be restarted for this');
    expect(refused.stderr).toContain('ironcage stop busy');
    expect(refused.stderr).toContain('only --port, --allow and --policy need no restart');
  }
  expect(await shown()).toEqual(second);
  user.child.stdin.end('still here\n');
  expect((await user.result).stdout).toBe('ready\nstill here\n');
});

test('a run that only renews a rule does not restart an idle cage', async () => {
  const project = sandbox.project('idler');
  const create = ['create', project, '--name', 'idler', '--allow', 'a.example expires=2h'];
  expect((await sandbox.run(create)).exitCode).toBe(0);
  expect((await sandbox.run(['start', 'idler'])).exitCode).toBe(0);
  const context = openContext({ home: sandbox.dataRoot, environment: {} });
  const before = readCageState(context, 'idler');
  if (before.phase !== 'running') throw new Error(before.phase);
  const again = ['run', 'shell', project, '--name', 'idler', '--allow', 'a.example expires=2h', '--', 'true'];
  expect((await sandbox.run(again)).exitCode).toBe(0);
  expect(readCageState(context, 'idler')).toMatchObject({ init: before.init, egress: before.egress, generation: 2 });
});
