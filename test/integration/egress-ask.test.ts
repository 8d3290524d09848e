// Requests that wait in a whole egress: nothing is sent before the answer, a flood is bounded, identical ones share one
// answer, and the record says who gave it.
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ASK_LIMITS, createAskDesk, type AnsweringDesk } from '../../src/egress/ask-desk.ts';
import { until } from '../support/sandbox.ts';
import { startOrigin, startRig, type Origin, type Rig } from './egress-rig.ts';

const HOST = 'ask.example';
let origin: Origin;
let rig: Rig;
let desk: AnsweringDesk;
let expire: (() => void)[] = [];
let arrived: string[] = [];

beforeAll(async () => {
  origin = await startOrigin(undefined, HOST, (request, response) => {
    arrived.push(request.url ?? '');
    response.end('passed');
  });
  desk = createAskDesk(
    { ...ASK_LIMITS, maxQuestionsPerMinute: 1000 },
    {
      now: () => Date.now(),
      after: (_delayMs, callback) => {
        expire.push(callback);
        return () => void (expire = expire.filter((other) => other !== callback));
      },
    },
  );
  rig = await startRig({ routes: [{ host: HOST, address: '127.0.0.1', port: origin.port }], parts: { desk } });
  const { bindings, routes } = rig.config;
  rig.egress.apply({ generation: 2, policy: { mode: 'ask', rules: [] }, bindings, secretValues: {}, routes });
});
beforeEach(() => {
  arrived = [];
});
afterAll(async () => {
  await rig.close();
  await origin.close();
});

function get(path: string): Promise<{ status: number; text: string }> {
  const headers = { host: `${HOST}:${rig.port}` };
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port: rig.port, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

const waiting = (count: number) => until(`${count} questions`, () => desk.list().length === count);

test('a request waits unsent, passes once on a yes, and asks again the next time', async () => {
  const answer = get('/once');
  await waiting(1);
  expect(arrived).toEqual([]);
  desk.answer(desk.list()[0]?.id ?? '', 'once', 'ann');
  expect(await answer).toEqual({ status: 200, text: 'passed' });
  const again = get('/once');
  await waiting(1);
  desk.answer(desk.list()[0]?.id ?? '', 'deny', 'bob');
  expect(await again).toMatchObject({ status: 403 });
  expect(arrived).toEqual(['/once']);
  const records = rig.audit().filter(({ path, end }) => path === '/once' && end === undefined);
  expect(records).toMatchObject([
    { decision: 'ask', rule: '<ask>' },
    { decision: 'allow', rule: '<asked>' },
    { decision: 'ask', rule: '<ask>' },
    { decision: 'deny', rule: '<asked>' },
  ]);
  expect(JSON.stringify(records[1])).toContain('let pass once by ann');
  expect(JSON.stringify(records[3])).toContain('refused by bob');
});

test('no answer in time is a refusal that says so', async () => {
  const answer = get('/late');
  await waiting(1);
  for (const callback of expire) callback();
  const { status, text } = await answer;
  expect(status).toBe(403);
  expect(text).toContain('nobody answered within 120 seconds');
  expect(arrived).toEqual([]);
});

test('of a flood no more than the desk holds wait, the others are refused at once, and one answer serves all alike', async () => {
  const answers = Array.from({ length: 40 }, () => get('/same'));
  await until('all to wait', () => desk.list()[0]?.waiting === 40);
  const others = Array.from({ length: 60 }, (_, index) => get(`/other/${index}`));
  await waiting(1 + ASK_LIMITS.maxHeld - 40);
  const refused = await Promise.any(others);
  expect(refused.text).toContain('more than 64 requests wait for an answer');
  const same = desk.list().find(({ path }) => path === '/same');
  desk.answer(same?.id ?? '', 'once', 'ann');
  for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
  expect(new Set(arrived)).toEqual(new Set(['/same']));
  for (const { id } of desk.list()) desk.answer(id, 'deny', 'ann');
  for (const { status } of await Promise.all(others)) expect(status).toBe(403);
});

test('new rules decide what waits: what they allow passes, and what they do not goes on waiting under its old name', async () => {
  const [allowed, other] = [get('/allowed'), get('/other')];
  await waiting(2);
  const before = desk.list().find(({ path }) => path === '/other');
  const { bindings, routes } = rig.config;
  const rule = { id: 'a', effect: 'allow', origin: 'user', host: HOST, scheme: 'http', port: rig.port } as const;
  const policy = { mode: 'ask', rules: [{ ...rule, path: '/allowed' }] } as const;
  rig.egress.apply({ generation: 3, policy, bindings, secretValues: {}, routes });
  desk.settingsChanged();
  expect(await allowed).toMatchObject({ status: 200 });
  await waiting(1);
  expect(desk.list()).toMatchObject([{ id: before?.id, expiresAt: before?.expiresAt, path: '/other' }]);
  desk.answer(before?.id ?? '', 'deny', 'ann');
  expect(await other).toMatchObject({ status: 403 });
  expect(arrived).toEqual(['/allowed']);
});
