import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { openLinePrompt } from './line-prompt.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const never = new AbortController().signal;

test('what was typed before a question was asked does not answer it', async () => {
  const stdin = new PassThrough();
  const prompt = openLinePrompt(stdin);
  stdin.write('o\n');
  stdin.write('half');
  await turn();
  const line = prompt.next(never);
  stdin.write('d\n');
  expect(await line).toBe('d');
});

test('of several lines at once only the first is an answer', async () => {
  const stdin = new PassThrough();
  const prompt = openLinePrompt(stdin);
  const line = prompt.next(never);
  stdin.write('o\no\no\n');
  expect(await line).toBe('o');
  const aborted = new AbortController();
  const next = prompt.next(aborted.signal);
  await turn();
  aborted.abort();
  expect(await next).toBeUndefined();
});

test('a question that goes away and an input that ends are no answer', async () => {
  const stdin = new PassThrough();
  const prompt = openLinePrompt(stdin);
  const gone = new AbortController();
  const line = prompt.next(gone.signal);
  gone.abort();
  expect(await line).toBeUndefined();
  const last = prompt.next(never);
  stdin.end();
  expect(await last).toBeUndefined();
  expect(await prompt.next(never)).toBeUndefined();
});
