import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { forgetMessages } from '../bus/forget.ts';
import { acknowledge, readMessages } from '../bus/messages.ts';
import { sendMessage } from '../bus/send.ts';
import { openContext, type Context } from '../cage/context.ts';
import { cagePaths, writeCageState, writeSpec } from '../cage/store.ts';
import { openRunMail } from './run-mail.ts';
import type { RunRecord } from './run-record.ts';
import { NO_RUN_USAGE } from './usage.ts';

const NAME = 'shop';
const MINUTE_MS = 60_000;
let context: Context;
let nowMs: number;
let log: string[];

beforeEach(() => {
  nowMs = Date.now();
  log = [];
  const home = mkdtempSync(join(tmpdir(), 'ironcage-mail-'));
  context = {
    ...openContext({ home, environment: {} }),
    clock: { now: () => nowMs },
    progress: (line) => void log.push(line),
  };
  const { root, bus } = cagePaths(context, NAME);
  mkdirSync(join(bus, 'outbox'), { recursive: true });
  mkdirSync(root, { recursive: true });
  writeSpec(context, {
    ...{ version: 1, name: NAME, project: '/p', backend: 'native', preset: 'safe', workspace: 'copy', net: 'filtered' },
    ...{ auth: 'none', createdAt: new Date(nowMs).toISOString(), home: '/home/agent', generation: 1, slot: 1 },
    ...{ rules: [], inspectors: [], secrets: [], routes: [], env: {}, binds: [], limits: {} },
  });
  writeCageState(context, NAME, { phase: 'stopped' });
});
afterEach(() => rmSync(context.dataRoot, { recursive: true, force: true }));

function record(): RunRecord {
  return {
    ...{ version: 1, id: 'r-20261130-a1b2c3', cage: NAME, agent: 'claude', model: null, status: 'running' },
    ...{ exitCode: null, reason: null, startedAt: new Date(nowMs).toISOString(), endedAt: null, sessionId: null },
    ...{ resumes: null, sessionBefore: null, bytesOut: null, budget: {}, notes: [], gvisor: false },
    ...NO_RUN_USAGE,
    inputTokens: 7,
    init: { pid: 1, startTicks: '1' },
  };
}

function put(id: string): void {
  const message = { version: 1, id, type: 'progress_update', payload: { status: id } };
  writeFileSync(join(cagePaths(context, NAME).bus, 'outbox', `${id}.json`), JSON.stringify(message));
}

async function journal(all = true): Promise<string[]> {
  const told: string[] = [];
  for await (const { seq, type, payload } of readMessages(context, NAME, { all })) {
    const text = ['status', 'reason', 'text'].map((name) => payload[name]).find((value) => typeof value === 'string');
    told.push(`${seq} ${type} ${text}`);
  }
  return told;
}

test('a run’s messages are taken in, its heart beats seldom, and its end comes last of all', async () => {
  const mail = await openRunMail(context, record());
  const left = (): string[] => readdirSync(join(cagePaths(context, NAME).bus, 'outbox'));
  put('a');
  mail.turn(record());
  // One that speaks needs no other sign of life; one that is silent has one in five minutes.
  for (let minute = 0; minute < 12; minute++) {
    nowMs += MINUTE_MS;
    mail.turn(record());
    // Behind it in the same line.
    await mail.say('note', { text: `${minute}` });
    expect(left()).toEqual([]);
  }
  put('z');
  await mail.say('exited', { reason: 'over' });
  const told = await journal();
  expect(told.filter((line) => !line.includes(' note '))).toEqual([
    '1 progress_update a',
    expect.stringMatching(/^\d+ heartbeat running$/),
    expect.stringMatching(/^\d+ heartbeat running$/),
    expect.stringMatching(/progress_update z$/),
    expect.stringMatching(/exited over$/),
  ]);
  for await (const { run, from, type } of readMessages(context, NAME, { all: true }))
    if (from === 'host') expect([type, run]).toEqual([type, 'r-20261130-a1b2c3']);
  expect(log).toEqual([]);
});

test('what cannot be taken in is told in the log once, and holds nothing up', async () => {
  const mail = await openRunMail(context, record());
  rmSync(cagePaths(context, NAME).root, { recursive: true });
  await mail.say('note', { text: 'a' });
  await mail.say('exited', { reason: 'over' });
  expect(log).toEqual([expect.stringContaining('messages: ')]);
});

test('forgetting takes what every reader has read, and nothing that somebody has still to read or to be sent', async () => {
  for (const id of ['a', 'b', 'c']) put(id);
  expect(await journal(false)).toHaveLength(3);
  expect(await forgetMessages(context, NAME)).toBe(0);
  await acknowledge(context, NAME, 3);
  await acknowledge(context, NAME, 2, { consumer: 'slow' });
  await sendMessage(context, NAME, 'answer', { text: 'yes' });
  expect(await forgetMessages(context, NAME)).toBe(2);
  const kept = ['3 progress_update c', '4 answer yes', '5 note 2 messages up to #2 were read, and let go of'];
  expect(await journal()).toEqual(kept);
  // The count goes on, an id that came in before its line was let go of is new, and a torn line stays away.
  put('d');
  appendFileSync(join(cagePaths(context, NAME).messages, 'journal.jsonl'), '{"seq":6,"id"');
  expect(await journal()).toEqual([...kept, '6 progress_update d']);
  for (const consumer of [undefined, 'slow']) await acknowledge(context, NAME, 6, { consumer });
  expect(await forgetMessages(context, NAME)).toBe(4);
  put('e');
  expect((await journal()).at(-1)).toBe('8 progress_update e');
});
