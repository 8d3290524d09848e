// Messages between an agent in a real cage and whoever is outside: both ways, with the exit codes that scripts wait for, through kills, and
// a conversation of the real Claude Code, whose vendor is a scripted server.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { journalFile, type Mailbox } from '../../src/bus/mailbox.ts';
import { readJournal } from '../../src/bus/journal.ts';
import { engineEnvironment } from '../support/backends.ts';
import { engineReason, TEST_IMAGE } from '../support/engines.ts';
import { startModelServer, type ModelServer, type ModelStep } from '../support/model-server.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const messages = z.array(
  z.looseObject({
    id: z.string(),
    seq: z.number(),
    type: z.string(),
    untrusted: z.boolean(),
    payload: z.looseObject({}),
  }),
);
const readAll = (result: CliResult): z.infer<typeof messages> => messages.parse(result.records());

const docker = engineReason('docker');
describe.each([
  ['native', undefined],
  ['docker', docker],
] as const)('messages of a %s cage', (backend, reason) => {
  describe.skipIf(reason !== undefined)(reason ?? 'over the real thing', () => {
    let sandbox: Sandbox;
    const env = backend === 'docker' ? engineEnvironment('docker') : {};
    const ironcage = (...args: string[]) => sandbox.run(args, { env });
    const inside = async (script: string): Promise<string> => {
      const result = await ironcage('exec', 'box', '--', 'sh', '-c', script);
      expect(result.stderr).not.toContain('error[');
      return result.stdout;
    };
    beforeAll(async () => {
      sandbox = openSandbox();
      const image = backend === 'docker' ? ['--backend', 'docker', '--image', TEST_IMAGE] : [];
      const made = await ironcage('create', sandbox.project('p'), '--name', 'box', ...image);
      expect(made.stderr).not.toContain('error[');
      expect((await ironcage('start', 'box')).exitCode).toBe(0);
    });
    afterAll(() => sandbox.close());

    test('go out in order, come in whole, and answer one another', async () => {
      const sent = await inside(
        `for n in 1 2 3; do cage-send progress_update "{\\"status\\":\\"step $n\\"}"; done; cage-send question '{"text":"Which?"}'`,
      );
      expect(sent.match(/^sent /gm)).toHaveLength(4);
      const asked = await ironcage('outbox', 'box', '--poll', '--json');
      expect(asked.exitCode).toBe(11);
      const out = readAll(asked);
      expect(out.map(({ type, untrusted, payload }) => [type, untrusted, payload['status']])).toEqual([
        ...[1, 2, 3].map((n) => ['progress_update', true, `step ${n}`]),
        ['question', true, undefined],
      ]);
      const question = out.at(-1)?.id ?? '';
      const answered = await ironcage('inbox', 'box', 'answer', 'the first', '--reply-to', question);
      expect(answered.exitCode).toBe(0);
      const answer: unknown = JSON.parse(await inside(`cage-wait --reply-to ${question} --timeout 60`));
      expect(answer).toMatchObject({ replyTo: question, payload: { text: 'the first', question_id: question } });
      // Nothing is left for this reader; another one has read nothing yet.
      expect((await ironcage('outbox', 'box', '--json')).stdout).toBe('');
      expect(readAll(await ironcage('outbox', 'box', '--json', '--consumer', 'other'))).toHaveLength(4);
    });

    test('end a poll by what they say, by time, and by the end of the cage', async () => {
      const cases = [
        ['task_complete', { summary: 's', exit_code: 0 }, 0],
        ['task_complete', { summary: 's', exit_code: 3 }, 10],
        ['info_request', { request_id: 'r', description: 'd' }, 11],
        ['going_idle', { reason: 'r' }, 12],
      ] as const;
      await inside(cases.map(([type, payload]) => `cage-send ${type} '${JSON.stringify(payload)}'`).join(';'));
      for (const [type, , code] of cases) expect((await ironcage('outbox', 'box', '--poll')).exitCode, type).toBe(code);
      expect((await ironcage('outbox', 'box', '--poll', '--timeout', '0')).exitCode).toBe(13);
      const waiting = sandbox.start(['outbox', 'box', '--poll', '--max-interval', '1'], { env });
      const soon = new Promise((seen) => waiting.child.stdout.once('data', seen));
      await inside(`cage-send progress_update '{"status":"at work"}'`);
      await soon;
      expect((await ironcage('stop', 'box')).exitCode).toBe(0);
      const gone = await waiting.result;
      expect(gone.exitCode).toBe(14);
      expect(gone.stderr).toContain('the cage box does not run');
    });
  });
});

test('a take-in that is killed again and again loses nothing and doubles nothing', async () => {
  const root = mkdtempSync(join(tmpdir(), 'ironcage-bus-'));
  try {
    const mailbox: Omit<Mailbox, 'clock'> = {
      ...{ cage: 'x', bus: join(root, 'bus'), messages: join(root, 'messages'), owner: undefined },
    };
    const outbox = join(mailbox.bus, 'outbox');
    mkdirSync(outbox, { recursive: true });
    const ids = Array.from({ length: 200 }, (_, index) => `m${String(index).padStart(4, '0')}`);
    const payload = { status: 'x'.repeat(100_000) };
    for (const id of ids) {
      writeFileSync(join(outbox, `${id}.json`), JSON.stringify({ version: 1, id, type: 'progress_update', payload }));
    }
    const child = join(root, 'child.mjs');
    const dist = (name: string): string =>
      JSON.stringify(fileURLToPath(new URL(`../../dist/bus/${name}.js`, import.meta.url)));
    writeFileSync(
      child,
      `import { takeIn } from ${dist('intake')};
       import { openLedger } from ${dist('ledger')};
       const mailbox = { ...${JSON.stringify(mailbox)}, clock: { now: () => Date.now() } };
       process.send('begun');
       await takeIn(mailbox, openLedger(mailbox));
       process.disconnect();`,
    );
    for (const left of [195, 150, 80, -1]) {
      const started = fork(child);
      const ended = once(started, 'exit');
      await once(started, 'message');
      while (started.exitCode === null && readdirSync(outbox).length > left) await new Promise(setImmediate);
      if (left >= 0) started.kill('SIGKILL');
      await ended;
    }
    const [seqs, taken]: [number[], string[]] = [[], []];
    for await (const { seq, id, from } of readJournal(journalFile({ ...mailbox, clock: Date }), {
      inode: 0,
      offset: 0,
    })) {
      seqs.push(seq);
      if (from === 'cage') taken.push(id);
    }
    expect(taken).toEqual(ids);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect(readdirSync(outbox)).toEqual([]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

describe('the real Claude Code', () => {
  const KEY = 'sk-ant-api03-the-real-one';
  let sandbox: Sandbox;
  let server: ModelServer | undefined;
  beforeAll(() => {
    sandbox = openSandbox();
  });
  afterAll(async () => {
    await sandbox.close();
    await server?.close();
  });

  test('asks, is answered, completes, and is given two revisions', async () => {
    const bash = (command: string): ModelStep => ({
      tools: [{ name: 'Bash', input: { command, description: 'a message' } }],
    });
    const complete = (summary: string): ModelStep =>
      bash(`cage-send task_complete '${JSON.stringify({ summary, exit_code: 0 })}'`);
    const told = (results: readonly string[]): string =>
      /"(?:text|instructions)":"([^"]*)"/.exec(results.at(-1) ?? '')?.[1] ?? 'nothing';
    const wait = bash('cage-wait --timeout 90');
    server = await startModelServer({
      apiKey: KEY,
      script: [
        {
          tools: [
            { name: 'mcp__ironcage__send_message', input: { type: 'question', payload: { text: 'Which database?' } } },
          ],
        },
        wait,
        (results) => complete(`used ${told(results)}`),
        wait,
        (results) => complete(`revised: ${told(results)}`),
        wait,
        (results) => complete(`revised again: ${told(results)}`),
      ],
    });
    const ca = join(sandbox.directory, 'model.pem');
    writeFileSync(ca, server.caPem);
    const { MESSAGE_SERVER } = await import('../../src/bus/instructions.ts');
    const { claude } = await import('../../src/agents/claude.ts');
    const tools = claude.headless?.serverArguments?.(MESSAGE_SERVER) ?? [];
    const route = `api.anthropic.com=127.0.0.1:${server.port},ca=${ca}`;
    const agent = sandbox.start(
      [
        'run',
        'claude',
        sandbox.project('talk'),
        '--name',
        'talk',
        '--route',
        route,
        '--',
        ...tools,
        '-p',
        'store the data',
      ],
      { env: { ANTHROPIC_API_KEY: KEY } },
    );
    await untilExists();
    const poll = async (code: number) => {
      const result = await sandbox.run([
        'outbox',
        'talk',
        '--poll',
        '--json',
        '--timeout',
        '100',
        '--max-interval',
        '1',
      ]);
      expect(result.exitCode, result.stderr).toBe(code);
      return readAll(result).at(-1);
    };
    const send = (...args: string[]) => sandbox.run(['inbox', 'talk', ...args]);
    const question = await poll(11);
    expect(question?.payload).toEqual({ text: 'Which database?' });
    expect((await send('answer', 'PostgreSQL', '--reply-to', question?.id ?? '')).exitCode).toBe(0);
    expect((await poll(0))?.payload).toEqual({ summary: 'used PostgreSQL', exit_code: 0 });
    expect((await send('task_revision', 'add an index')).exitCode).toBe(0);
    expect((await poll(0))?.payload).toEqual({ summary: 'revised: add an index', exit_code: 0 });
    expect((await send('task_revision', 'and a test')).exitCode).toBe(0);
    expect((await poll(0))?.payload).toEqual({ summary: 'revised again: and a test', exit_code: 0 });
    expect(await agent.result).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Done.') });
    await poll(14);

    async function untilExists(): Promise<void> {
      const { until } = await import('../support/sandbox.ts');
      await until(
        'the cage to run',
        async () => (await sandbox.run(['list', '--json'])).stdout.includes('"running"'),
        100_000,
      );
    }
  }, 200_000);
});
