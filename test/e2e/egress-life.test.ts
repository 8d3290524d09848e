// The egress dies and comes back. Meanwhile a cage has no network, rather than all of it; afterwards what runs inside goes
// on as before: under the same authority, the same addresses of names, the same policy, with the same record.
import { spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createWorld, startOrigin, type Origin } from '../integration/egress-rig.ts';
import { egressOf } from '../support/egress-process.ts';
import { openSandbox, until, type CliResult, type Sandbox } from '../support/sandbox.ts';

const CHILD = fileURLToPath(new URL('step-child.mjs', import.meta.url));
const CAGE = 'desk';
const VALUE = 'real-value-5f0c1d';

let sandbox: Sandbox;
let origin: Origin;
let project: string;
beforeAll(async () => {
  sandbox = openSandbox();
  const world = await createWorld();
  origin = await startOrigin(world, 'shop.example', (request, response) => {
    response.end(request.headers.authorization === `Bearer ${VALUE}` ? 'known' : 'unknown');
  });
  const caFile = join(sandbox.directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const secret = ['secret', 'set', 'SHOP_TOKEN', '--host', 'shop.example'];
  expect((await sandbox.run(secret, { input: VALUE })).exitCode).toBe(0);
  project = sandbox.project('p');
  const route = ['--route', `shop.example=127.0.0.1:${origin.port},ca=${caFile}`, '--secret', 'SHOP_TOKEN'];
  await ok('create', project, '--name', CAGE, '--allow', 'GET shop.example/**', ...route);
});
afterAll(async () => {
  await sandbox.close();
  await origin.close();
});
beforeEach(() => ok('start', CAGE));

async function ok(...args: string[]): Promise<CliResult> {
  const result = await sandbox.run(args);
  expect(result.stderr, args.join(' ')).not.toContain('error[');
  expect(result.exitCode, args.join(' ')).toBe(0);
  return result;
}

const wrapper = (): number => egressOf(sandbox.dataRoot, CAGE).wrapper;

async function killEgress(): Promise<void> {
  process.kill(wrapper(), 'SIGKILL');
  await until('the cage to be seen without its egress', async () => (await status()) === 'broken');
}

async function status(): Promise<unknown> {
  const listed = (await sandbox.run(['list', '--json'])).json();
  return z.tuple([z.looseObject({ status: z.string() })]).parse(listed)[0].status;
}

async function policy(): Promise<unknown> {
  const { generation, hash, confirmed } = z
    .looseObject({ generation: z.number(), hash: z.string(), confirmed: z.boolean() })
    .parse((await ok('policy', 'show', CAGE, '--json')).json());
  return { generation, hash, confirmed };
}

/** Reads what it trusts once, and asks once a line: for an address of a name, or for a page with the placeholder. */
const CLIENT = `
import http.client, os, socket, ssl, sys, time
trust = ssl.create_default_context(cafile=os.environ['SSL_CERT_FILE'])
print('ready', flush=True)
for line in sys.stdin:
    start = time.monotonic()
    try:
        address = socket.gethostbyname('shop.example') if line.strip() == 'name' else known
        known = address
        raw = trust.wrap_socket(socket.create_connection((address, 443), 10), server_hostname='shop.example')
        client = http.client.HTTPConnection('shop.example')
        client.sock = raw
        client.request('GET', '/a', headers={'Authorization': 'Bearer ' + os.environ['SHOP_TOKEN']})
        said = address + ' ' + client.getresponse().read().decode()
    except (OSError, NameError) as error:
        said = type(error).__name__
    print(said, 'slow' if time.monotonic() - start > 3 else 'quick', flush=True)
`;

interface Client {
  /** The command that is attached to it; the program inside has its pipes. */
  attached: ChildProcessWithoutNullStreams;
  say(word: 'name' | 'again'): Promise<string>;
  end(): Promise<CliResult>;
}

async function startClient(): Promise<Client> {
  const command = ['exec', CAGE, '--', '/usr/bin/python3', '-c', CLIENT];
  const { child, result } = sandbox.start(command, { keepInput: true });
  const next = lines(child);
  expect(await next()).toBe('ready');
  return {
    attached: child,
    say(word) {
      child.stdin.write(`${word}\n`);
      return next();
    },
    end() {
      child.stdin.end();
      return result;
    },
  };
}

function lines(child: ChildProcessWithoutNullStreams): () => Promise<string> {
  const iterator = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { done, value } = await iterator.next();
    return done === true ? 'ended' : value;
  };
}

describe('an egress that is killed while a command runs inside', () => {
  test('is replaced at once by the attached command, and the client inside goes on', async () => {
    const before = await policy();
    const client = await startClient();
    const first = await client.say('name');
    expect(first).toMatch(/^198\.1[89]\.\d+\.\d+ known quick$/);
    const killed = wrapper();
    process.kill(killed, 'SIGKILL');
    // No command but the attached one may do it: this test gives none until it is done.
    await until('another egress to serve', () => !stateText().includes(`"pid":${killed},`));
    await until('the restart to be whole', () => !stateText().includes('"replacement"'));
    // The address that was looked up before is dialled again, and means the same name.
    expect(await client.say('again')).toBe(first);
    expect(await client.say('name')).toBe(first);
    expect(await client.end()).toMatchObject({ exitCode: 0 });
    expect(await policy()).toEqual(before);
  });

  test('leaves it without a network that refuses quickly, until another is there', async () => {
    const client = await startClient();
    const first = await client.say('name');
    // Halted, so that it cannot give the cage another egress.
    client.attached.kill('SIGSTOP');
    await killEgress();
    expect(await client.say('again')).toBe('ConnectionRefusedError quick');
    expect(await client.say('name')).toMatch(/^(gaierror|ConnectionRefusedError) quick$/);
    await ok('start', CAGE);
    expect(await client.say('name')).toBe(first);
    client.attached.kill('SIGCONT');
    expect(await client.end()).toMatchObject({ exitCode: 0 });
  });

  test('is replaced again and again, and the record goes on in one chain', async () => {
    const records = async (): Promise<number> => (await ok('audit', CAGE, '--json')).records().length;
    const client = await startClient();
    const first = await client.say('name');
    const before = await records();
    for (let round = 0; round < 3; round += 1) {
      const killed = wrapper();
      process.kill(killed, 'SIGKILL');
      await until('another egress', () => !stateText().includes(`"pid":${killed},`));
      await until('the restart to be whole', () => !stateText().includes('"replacement"'));
      expect(await client.say('again')).toBe(first);
    }
    await client.end();
    expect(await records()).toBeGreaterThanOrEqual(before + 3);
    const chain = await ok('audit', CAGE, '--verify');
    expect(chain.exitCode).toBe(0);
  });
});

describe('a cage without an egress and without anybody attached', () => {
  test('says so in list, in show and to doctor, and is without a network until the next command', async () => {
    const authority = trusted();
    expect(authority).toContain('BEGIN CERTIFICATE');
    const before = await policy();
    await killEgress();
    expect((await ok('list')).stdout).toMatch(/^desk +broken /m);
    expect((await sandbox.run(['show', CAGE])).stdout).toContain('no network');
    expect((await sandbox.run(['doctor'])).stdout).toContain('egress');
    // Nothing but the next command that needs it starts another.
    expect(await status()).toBe('broken');
    const next = await sandbox.run(['exec', CAGE, '--', 'sh', '-c', 'curl -sS -m 20 https://shop.example/']);
    expect(next.stdout).toBe('unknown');
    expect(next.stderr).toContain('it is started again');
    expect(await status()).toBe('running');
    expect(await policy()).toEqual(before);
    expect(trusted()).toBe(authority);
  });

  test('is repaired by doctor as well', async () => {
    await killEgress();
    await sandbox.run(['doctor', '--fix']);
    expect(await status()).toBe('running');
    expect(await policy()).toMatchObject({ confirmed: true });
  });

  test('is stopped without being started first', async () => {
    await killEgress();
    await ok('stop', CAGE);
    expect(await status()).toBe('stopped');
    await until('every process of the cage to be gone', () => sandbox.processes().length === 0);
  });
});

describe('a crash in the middle of a restart of the egress', () => {
  const STEPS = ['begin', 'announced', 'listening', 'serving', 'written'].map((step) => `egress: ${step}`);

  test(`has the steps ${STEPS.join(', ')}`, async () => {
    await killEgress();
    expect(restart()).toEqual({ steps: STEPS, killed: false });
  });

  test.each(STEPS.map((step, number) => ({ step, number })))(
    'at $step is put right by the next',
    async ({ number }) => {
      const before = await policy();
      const init = initOf(stateText());
      await killEgress();
      expect(restart(number)).toEqual({ steps: STEPS.slice(0, number + 1), killed: true });
      expect((await ok('exec', CAGE, '--', 'curl', '-sS', '-m', '20', 'https://shop.example/')).stdout).toBe('unknown');
      expect(await policy()).toEqual(before);
      // The cage itself was not started anew.
      expect(initOf(stateText())).toBe(init);
      expect((await ok('audit', CAGE, '--verify')).exitCode).toBe(0);
      await ok('stop', CAGE);
      await until('every process of the cage to be gone', () => sandbox.processes().length === 0);
    },
  );
});

/** Starts the cage, which replaces its egress; with `last` that is killed at that step. */
function restart(last?: number): { steps: string[]; killed: boolean } {
  const args = [CHILD, 'start', CAGE, project, ...(last === undefined ? [] : [String(last)])];
  const child = spawnSync(process.execPath, args, { env: sandbox.env, encoding: 'utf8', timeout: 60_000 });
  const killed = child.signal === 'SIGKILL';
  if (!killed && child.status !== 0) throw new Error(`the restart failed: ${child.stderr}`);
  return { steps: child.stdout.split('\n').filter(Boolean), killed };
}

function stateText(): string {
  return readFileSync(join(sandbox.dataRoot, 'cages', CAGE, 'state.json'), 'utf8');
}

function initOf(state: string): number {
  return z.looseObject({ init: z.looseObject({ pid: z.int() }) }).parse(JSON.parse(state)).init.pid;
}

/** What programs in the cage trust. */
function trusted(): string {
  const directory = join(sandbox.dataRoot, 'cages', CAGE, 'run/trust');
  return readdirSync(directory)
    .filter((name) => name.endsWith('.pem'))
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');
}
