// Messages between an agent in a real cage and whoever is outside: both ways, with the exit codes that scripts wait for, through kills, and
// conversations of the real Claude Code and the real Codex, whose vendors are scripted servers.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { journalFile, type Mailbox } from '../../src/bus/mailbox.ts';
import { readJournal } from '../../src/bus/journal.ts';
import { engineEnvironment } from '../support/backends.ts';
import { engineReason, TEST_IMAGE } from '../support/engines.ts';
import { startModelServer, type ModelStep } from '../support/model-server.ts';
import { startResponsesServer } from '../support/responses-server.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const messages = z.array(
  z.looseObject({
    id: z.string(),
    seq: z.number(),
    type: z.string(),
    untrusted: z.boolean(),
    run: z.string().optional(),
    payload: z.looseObject({}),
  }),
);
const readAll = (result: CliResult): z.infer<typeof messages> => messages.parse(result.records());

describe.each([
  ['native', undefined],
  ['docker', engineReason('docker')],
  ['podman', engineReason('podman')],
] as const)('messages of a %s cage', (backend, reason) => {
  describe.skipIf(reason !== undefined)(reason ?? 'over the real thing', () => {
    let sandbox: Sandbox;
    const env = engineEnvironment(backend);
    const ironcage = (...args: string[]) => sandbox.run(args, { env });
    const inside = async (script: string): Promise<string> => {
      const result = await ironcage('exec', 'box', '--', 'sh', '-c', script);
      expect(result.stderr).not.toContain('error[');
      return result.stdout;
    };
    beforeAll(async () => {
      sandbox = openSandbox();
      const image = backend === 'native' ? [] : ['--backend', backend, '--image', TEST_IMAGE];
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
      const late = await ironcage('outbox', 'box', '--poll', '--timeout', '0');
      expect(late).toMatchObject({ exitCode: 13, stderr: expect.stringMatching(/no end after 0 seconds; box: /) });
      const waiting = sandbox.start(['outbox', 'box', '--poll', '--max-interval', '1'], { env });
      const soon = new Promise((seen) => waiting.child.stdout.once('data', seen));
      await inside(`cage-send progress_update '{"status":"at work"}'`);
      await soon;
      expect((await ironcage('stop', 'box')).exitCode).toBe(0);
      const gone = await waiting.result;
      expect(gone.exitCode).toBe(14);
      expect(gone.stderr).toContain('the cage box does not run');
    });

    test('tell what becomes of a run, and end a poll with it', async () => {
      expect((await ironcage('start', 'box')).exitCode).toBe(0);
      const launch = ['launch', 'box', '--agent', 'shell', '--background', '--max-time', '1s', '-p'];
      const launched = await ironcage(...launch, 'sleep 600');
      expect(launched.stderr).not.toContain('error[');
      const run = launched.stdout.trim();
      const polled = await ironcage('outbox', 'box', '--poll', '--json', '--max-interval', '1');
      expect(polled.exitCode).toBe(14);
      expect(polled.stderr).toContain(`the run ${run} has ended: stopped, the budget is used up`);
      expect(readAll(polled).filter((message) => message.run === run)).toMatchObject([
        { type: 'note', payload: { text: expect.stringContaining('of 1 seconds; the run is ended') } },
        { type: 'exited', payload: { reason: expect.stringContaining('of 1 seconds'), exit_code: 143 } },
      ]);
    });

    test('end a poll for one run by it alone, whatever another one says', async () => {
      // What came before is read.
      expect((await ironcage('outbox', 'box', '--consumer', 'one')).exitCode).toBe(0);
      const launch = ['launch', 'box', '--agent', 'shell', '--background', '-p'];
      const say = (type: string, payload: object): string => `cage-send ${type} '${JSON.stringify(payload)}'`;
      const other = await ironcage(...launch, `${say('question', { text: 'Which?' })}; sleep 600`);
      const run = (
        await ironcage(...launch, `sleep 2; ${say('going_idle', { reason: 'r' })}; sleep 600`)
      ).stdout.trim();
      const poll = ['outbox', 'box', '--poll', '--json', '--consumer', 'one', '--max-interval', '1', '--run', run];
      const idle = await ironcage(...poll);
      expect(idle.exitCode, idle.stderr).toBe(12);
      expect(readAll(idle).map(({ type }) => type)).toContain('question');
      expect((await ironcage('stop-run', run)).exitCode).toBe(0);
      const gone = await ironcage(...poll);
      expect(gone).toMatchObject({
        exitCode: 14,
        stderr: expect.stringContaining(`the run ${run} has ended: stopped`),
      });
      expect((await ironcage('stop-run', other.stdout.trim())).exitCode).toBe(0);
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

describe('an agent that works unattended', () => {
  let sandbox: Sandbox;
  let server: { close(): Promise<void> } | undefined;
  beforeAll(() => {
    sandbox = openSandbox();
  });
  afterEach(() => server?.close());
  afterAll(() => sandbox.close());
  const launch = async (agent: string, name: string, route: string, env: Record<string, string>): Promise<string> => {
    const options = ['--agent', agent, '--name', name, '--route', route, '--background'];
    const cwd = sandbox.project(name);
    const launched = await sandbox.run(['launch', ...options, '-p', 'store the data'], { cwd, env });
    expect(launched.stderr).not.toContain('error[');
    return launched.stdout.trim();
  };
  const poll = async (cage: string, code: number) => {
    const pace = ['--timeout', '100', '--max-interval', '1'];
    const result = await sandbox.run(['outbox', cage, '--poll', '--json', ...pace]);
    expect(result.exitCode, result.stderr).toBe(code);
    return readAll(result);
  };

  test('Claude Code asks by tool and by command, is answered, completes, and is given two revisions', async () => {
    const key = 'sk-ant-api03-the-real-one';
    const bash = (command: string): ModelStep => ({
      tools: [{ name: 'Bash', input: { command, description: 'a message' } }],
    });
    const complete = (summary: string): ModelStep =>
      bash(`cage-send task_complete '${JSON.stringify({ summary, exit_code: 0 })}'`);
    const told = (results: readonly string[]): string =>
      results.flatMap((result) => /"(?:text|instructions)":"([^"]*)"/.exec(result)?.[1] ?? []).at(-1) ?? 'nothing';
    const wait = bash('cage-wait --timeout 90');
    const model = await startModelServer({
      apiKey: key,
      script: [
        {
          tools: [
            { name: 'mcp__ironcage__send_message', input: { type: 'question', payload: { text: 'Which database?' } } },
          ],
        },
        wait,
        (results) =>
          bash(`cage-send question '{"text":"${told(results)}, but which version?"}' && cage-wait --timeout 90`),
        (results) => complete(`used ${told(results)}`),
        wait,
        (results) => complete(`revised: ${told(results)}`),
        wait,
        (results) => complete(`revised again: ${told(results)}`),
      ],
    });
    server = model;
    const ca = join(sandbox.directory, 'model.pem');
    writeFileSync(ca, model.caPem);
    const route = `api.anthropic.com=127.0.0.1:${model.port},ca=${ca}`;
    const run = await launch('claude', 'talk', route, { ANTHROPIC_API_KEY: key });
    const next = async (code: number) => (await poll('talk', code)).at(-1);
    const send = async (...args: string[]) =>
      expect((await sandbox.run(['inbox', 'talk', ...args])).exitCode, args.join(' ')).toBe(0);

    const question = await next(11);
    expect(question).toMatchObject({ run, payload: { text: 'Which database?' } });
    await send('answer', 'PostgreSQL', '--reply-to', question?.id ?? '');
    const another = await next(11);
    expect(another).toMatchObject({ run, payload: { text: 'PostgreSQL, but which version?' } });
    await send('answer', '18', '--reply-to', another?.id ?? '');
    expect((await next(0))?.payload).toEqual({ summary: 'used 18', exit_code: 0 });
    await send('task_revision', 'add an index');
    expect((await next(0))?.payload).toEqual({ summary: 'revised: add an index', exit_code: 0 });
    await send('task_revision', 'and a test');
    expect((await next(0))?.payload).toEqual({ summary: 'revised again: and a test', exit_code: 0 });
    expect(await next(14)).toMatchObject({ type: 'exited', run, payload: { exit_code: 0 } });
    expect(model.requests.filter(({ body }) => body.includes('# Working in a cage')).length).toBeGreaterThan(0);
    const home = await sandbox.run(['exec', 'talk', '--', 'sh', '-c', 'cat ~/.claude/CLAUDE.md']);
    expect(home.stdout).toContain('cage-send task_complete');
  }, 200_000);

  test('Codex has the tools, and says by them which run it is', async () => {
    const key = 'sk-proj-the-real-one-5f4dcc3b5aa765d61d8327deb882cf99';
    const model = await startResponsesServer({
      apiKey: key,
      commands: [
        `/ironcage/bin/cage-send progress_update '{"status":"at work"}'`,
        {
          server: 'ironcage',
          tool: 'send_message',
          input: { type: 'task_complete', payload: { summary: 'stored', exit_code: 3 } },
        },
      ],
    });
    server = model;
    const run = await launch('codex', 'codex', model.route, { OPENAI_API_KEY: key });
    expect(await poll('codex', 10)).toMatchObject([
      { type: 'progress_update', run, payload: { status: 'at work' } },
      { type: 'task_complete', run, payload: { summary: 'stored', exit_code: 3 } },
    ]);
    expect(await poll('codex', 14)).toMatchObject([{ type: 'exited', run }]);
    expect(model.requests.some(({ body }) => body.includes('# Working in a cage'))).toBe(true);
  }, 200_000);
});
