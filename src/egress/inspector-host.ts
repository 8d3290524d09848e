// The process of one inspector that a user wrote, apart from the egress and without a network. The module runs in a thread;
// here is what outlives it when it hangs, throws or runs out of memory: every question is answered, or the socket closes,
// and both are a refusal. It ends with the egress that it serves.
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { lineOf, parseAnswer, type InspectorAnswer } from './inspector-lines.ts';

/** The descriptor of the socket to the egress. */
const SOCKET_FD = 3;
const MAX_HEAP_MB = 128;
/** Between two starts of a module that ended by itself. */
const RESTART_DELAY_MS = 1000;

const [module = '', timeout = ''] = process.argv.slice(2);
const timeoutMs = Number(timeout);
if (module === '' || !(timeoutMs > 0)) throw new Error('an inspector needs a module and a time to answer in');

const egress = new Socket({ fd: SOCKET_FD, readable: true, writable: true });
const waiting = new Map<number, NodeJS.Timeout>();
let worker: Worker | undefined;
let wasReady = false;

egress.on('error', () => process.exit(0));
egress.on('close', () => process.exit(0));
createInterface({ input: egress }).on('line', ask);
start();

function start(): void {
  const started = new Worker(new URL('inspector-worker.js', import.meta.url), {
    workerData: module,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  worker = started;
  started.on('message', (line: unknown) => take(parseAnswer(JSON.stringify(line)), started));
  // Its exit follows, and says all that matters here.
  started.on('error', (error) => process.stderr.write(`the inspector failed: ${error.message}\n`));
  started.on('exit', () => {
    if (worker === started) ended();
  });
}

function ended(): void {
  worker = undefined;
  for (const id of waiting.keys()) settle(id, 'error', 'it ended without an answer');
  if (!wasReady) fail('it ended while it was being loaded');
  else setTimeout(start, RESTART_DELAY_MS);
}

function take(answer: InspectorAnswer | undefined, from: Worker): void {
  if (from !== worker) return;
  // A thread that says other things than answers is no inspector any more.
  if (answer === undefined) return void from.terminate();
  switch (answer.type) {
    case 'ready':
      if (!wasReady) tell(answer);
      wasReady = true;
      return;
    case 'failed':
      fail(answer.message);
      return;
    case 'verdict':
      settle(answer.id, answer.action, answer.reason);
      return;
    default:
      answer satisfies never;
      void from.terminate();
  }
}

function ask(line: string): void {
  const question: unknown = JSON.parse(line);
  const id: unknown = typeof question === 'object' && question !== null ? Reflect.get(question, 'id') : undefined;
  if (typeof id !== 'number') throw new Error('a question has no number');
  const expired = (): void => {
    settle(id, 'error', `it did not answer within ${timeoutMs} ms`);
    // It may hang for good: another thread answers what comes next.
    void worker?.terminate();
  };
  waiting.set(id, setTimeout(expired, timeoutMs));
  if (worker === undefined) settle(id, 'error', 'it has ended and is being started again');
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window and has no origin
  else worker.postMessage(question);
}

function settle(id: number, action: 'pass' | 'note' | 'deny' | 'error', reason: string): void {
  const timer = waiting.get(id);
  if (timer === undefined) return;
  clearTimeout(timer);
  waiting.delete(id);
  tell({ type: 'verdict', id, action, reason });
}

function fail(message: string): void {
  tell({ type: 'failed', message });
  egress.end();
}

function tell(answer: InspectorAnswer): void {
  egress.write(lineOf(answer));
}
