import { expect, test } from 'vitest';
import { ASK_LIMITS, createAskDesk, type Answer, type AskLimits } from './ask-desk.ts';
import type { AskEvent } from './config.ts';
import type { Question } from './question.ts';
import type { Decision, Exchange } from '../policy/types.ts';

const EXCHANGE: Exchange = {
  protocol: 'http',
  scheme: 'https',
  method: 'GET',
  host: 'api.example.com',
  port: 443,
  path: '/v1/items',
  query: '',
  headers: [],
  contentLength: 0,
};
const DECISION: Decision = {
  decision: 'ask',
  rule: '<ask>',
  reason: 'no rule allows this request',
  remedy: '',
  inspectors: [],
  private: false,
};

/** Time that only passes when it is told to. */
function createTime() {
  let nowMs = Date.UTC(2026, 0, 1);
  const timers = new Set<{ atMs: number; callback: () => void }>();
  return {
    now: () => nowMs,
    after(delayMs: number, callback: () => void) {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    pass(ms: number) {
      nowMs += ms;
      for (const timer of [...timers].filter(({ atMs }) => atMs <= nowMs)) {
        timers.delete(timer);
        timer.callback();
      }
    },
    pending: () => timers.size,
  };
}

function open(limits: Partial<AskLimits> = {}) {
  const time = createTime();
  const desk = createAskDesk({ ...ASK_LIMITS, ...limits }, time);
  const events: AskEvent[] = [];
  desk.watch((event) => events.push(event));
  const ask = (more: Partial<Exchange> = {}) => {
    let drop: (() => void) | undefined;
    const question: Question = {
      exchange: { ...EXCHANGE, ...more },
      decision: DECISION,
      client: { address: '127.0.0.1', port: 40_000 },
    };
    const answer: { now: Answer | undefined } = { now: undefined };
    const done = desk.hold(question, (callback) => (drop = callback));
    void done.then((given) => (answer.now = given));
    return { done, answer, giveUp: () => drop?.() };
  };
  const onlyId = () => desk.list()[0]?.id ?? '';
  return { desk, time, events, ask, onlyId };
}

test('a request waits until somebody answers, and once lets it pass', async () => {
  const { desk, ask, onlyId, events, time } = open();
  const { done, answer } = ask();
  await Promise.resolve();
  expect(answer.now).toBeUndefined();
  expect(desk.list()).toMatchObject([
    {
      id: expect.stringMatching(/^[0-9a-f]{12}$/),
      askedAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-01-01T00:02:00.000Z',
      host: 'api.example.com',
      path: '/v1/items',
      rule: '<ask>',
      client: { port: 40_000 },
      waiting: 1,
    },
  ]);
  const id = onlyId();
  expect(desk.answer(id, 'once', 'ann')).toEqual({ ok: true });
  expect(await done).toMatchObject({ answer: 'once', note: { action: 'pass', reason: 'let pass once by ann' } });
  expect(desk.list()).toEqual([]);
  expect(events.map(({ event }) => event)).toEqual(['asked', 'closed']);
  expect(time.pending()).toBe(0);
});

test('the first answer stands, and the later one is told who was first', async () => {
  const { desk, ask, onlyId } = open();
  const { done } = ask();
  const id = onlyId();
  expect(desk.answer(id, 'deny', 'ann').ok).toBe(true);
  expect(desk.answer(id, 'once', 'bob')).toEqual({ ok: false, message: 'it was refused already by ann' });
  expect(await done).toMatchObject({ answer: 'denied', note: { action: 'deny', reason: 'refused by ann' } });
  expect(desk.answer('000000000000', 'once', 'bob').ok).toBe(false);
});

test('no answer in time is a no', async () => {
  const { desk, ask, time, onlyId, events } = open({ timeoutMs: 5000 });
  const { done, answer } = ask();
  const id = onlyId();
  time.pass(4999);
  await Promise.resolve();
  expect(answer.now).toBeUndefined();
  time.pass(1);
  expect(await done).toEqual({ answer: 'denied', reason: 'nobody answered within 5 seconds' });
  expect(events.at(-1)).toEqual({ event: 'closed', id, outcome: 'timeout' });
  expect(desk.answer(id, 'once', 'ann')).toMatchObject({ ok: false });
});

test('identical requests are one question with one answer', async () => {
  const { desk, ask, onlyId, events } = open();
  const [one, two, three] = [ask(), ask(), ask()];
  expect(desk.list()).toMatchObject([{ waiting: 3 }]);
  expect(events).toHaveLength(1);
  desk.answer(onlyId(), 'once', 'ann');
  for (const { done } of [one, two, three]) expect(await done).toMatchObject({ answer: 'once' });
});

test.each<[string, Partial<Exchange>]>([
  ['method', { method: 'POST' }],
  ['host', { host: 'other.example.com' }],
  ['port', { port: 8443 }],
  ['scheme', { scheme: 'http' }],
  ['path', { path: '/v1/other' }],
  ['query', { query: 'data=stolen' }],
  ['length of the body', { contentLength: 10 }],
  ['protocol', { protocol: 'websocket' }],
  ['type of the body', { headers: [['content-type', 'text/plain']] }],
])('a request of another %s is a question of its own: a yes never covers what was not shown', async (_, more) => {
  const { desk, ask, onlyId } = open();
  const shown = ask();
  const id = onlyId();
  const other = ask(more);
  desk.answer(id, 'once', 'ann');
  expect(await shown.done).toMatchObject({ answer: 'once' });
  expect(other.answer.now).toBeUndefined();
  expect(desk.list()).toHaveLength(1);
});

test('more requests than the desk holds are refused at once, and a place that becomes free is given again', async () => {
  const { desk, ask, onlyId } = open({ maxHeld: 3 });
  const held = [ask(), ask(), ask()];
  expect(await ask({ path: '/more' }).done).toEqual({
    answer: 'denied',
    reason: 'more than 3 requests wait for an answer',
  });
  desk.answer(onlyId(), 'deny', 'ann');
  for (const { done } of held) await done;
  ask({ path: '/more' });
  expect(desk.list()).toMatchObject([{ path: '/more' }]);
});

test('a flood of questions is refused, and the pace comes back with time', async () => {
  const { desk, ask, time } = open({ maxQuestionsPerMinute: 6 });
  for (let index = 0; index < 6; index++) ask({ path: `/${index}` });
  expect(await ask({ path: '/seventh' }).done).toMatchObject({ answer: 'denied' });
  expect(desk.list()).toHaveLength(6);
  ask({ path: '/0' });
  expect(desk.list()[0]).toMatchObject({ waiting: 2 });
  time.pass(10_000);
  ask({ path: '/eighth' });
  expect(desk.list()).toHaveLength(7);
  expect(await ask({ path: '/ninth' }).done).toMatchObject({ answer: 'denied' });
});

test('a client that gives up is dropped, and the question with its last one', async () => {
  const { desk, ask, events, time } = open();
  const [one, two] = [ask(), ask()];
  one.giveUp();
  expect(desk.list()).toMatchObject([{ waiting: 1 }]);
  expect(events).toHaveLength(1);
  two.giveUp();
  expect(desk.list()).toEqual([]);
  expect(events.at(-1)).toMatchObject({ event: 'closed', outcome: 'gone' });
  expect(await one.done).toMatchObject({ answer: 'denied' });
  expect(await two.done).toMatchObject({ answer: 'denied' });
  expect(time.pending()).toBe(0);
  one.giveUp();
  expect(events).toHaveLength(2);
});

test('other settings send everything back to be judged, and what asks again keeps its id and its deadline', async () => {
  const { desk, ask, time, onlyId, events } = open({ timeoutMs: 10_000, maxQuestionsPerMinute: 1 });
  const before = ask();
  const id = onlyId();
  time.pass(6000);
  desk.settingsChanged();
  expect(await before.done).toEqual({ answer: 'changed' });
  const again = ask();
  expect(desk.list()).toMatchObject([{ id, expiresAt: '2026-01-01T00:00:10.000Z' }]);
  expect(events.map(({ event }) => event)).toEqual(['asked', 'closed', 'asked']);
  time.pass(4000);
  expect(await again.done).toMatchObject({ answer: 'denied', reason: expect.stringContaining('nobody answered') });
});

test('what changed settings took away does not shorten the time of a later question', () => {
  const { desk, ask, time } = open({ timeoutMs: 10_000 });
  ask();
  desk.settingsChanged();
  time.pass(60_000);
  ask();
  expect(desk.list()).toMatchObject([{ askedAt: '2026-01-01T00:01:00.000Z' }]);
});

test('a target that is too long to be shown is refused without a question', async () => {
  const { desk, ask } = open();
  expect(await ask({ path: `/${'a'.repeat(8192)}` }).done).toMatchObject({ answer: 'denied' });
  expect(await ask({ query: 'a'.repeat(8192) }).done).toMatchObject({ answer: 'denied' });
  expect(desk.list()).toEqual([]);
});

test('who stops to watch is told nothing more, and the questions stay', () => {
  const { desk, ask } = open();
  const told: AskEvent[] = [];
  const stop = desk.watch((event) => told.push(event));
  ask();
  stop();
  ask({ path: '/second' });
  expect(told).toHaveLength(1);
  expect(desk.list()).toHaveLength(2);
});
