import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { fakeLibrary, WAITING } from '../../test/support/cli-host.ts';
import { IronError } from '../platform/errors.ts';
import { answerAtTerminal } from './approve-session.ts';
import type { ApprovalEvent, Context, Library, WaitingRequest } from './library.ts';
import { createOutput } from './output.ts';

/** A person who types each of `lines` as soon as something is asked (undefined: nothing), then ends the input. */
async function atTerminal(
  lines: readonly (string | undefined)[],
  events: (answers: unknown[]) => Library['approvals'],
) {
  const answers: unknown[] = [];
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let shown = '';
  let questions = 0;
  stderr.on('data', (chunk: Buffer) => {
    shown += String(chunk);
    const asked = shown.match(/(?:\[n\]ext:|none\)) /g)?.length ?? 0;
    if (asked === questions) return;
    questions = asked;
    const line = lines[questions - 1];
    if (questions > lines.length) setImmediate(() => stdin.end());
    else if (line !== undefined) setImmediate(() => stdin.write(`${line}\n`));
  });
  const output = createOutput(
    { stdout, stderr, environment: {} },
    { json: false, quiet: true, verbose: false, color: false },
  );
  const library = fakeLibrary([], { approvals: events(answers) });
  const context: Context = library.openContext({ environment: {} });
  const opened = { library, context };
  const session = {
    ...{ output, stdin, cwd: '/', interactive: true, terminal: true },
    open: async () => opened,
    allCommands: async () => [],
  };
  await answerAtTerminal(opened, session, 'shop');
  return { answers, shown };
}

function asked(answers: unknown[], more: Partial<WaitingRequest> = {}): ApprovalEvent {
  return {
    event: 'asked',
    request: { ...WAITING, ...more },
    answer: async (answer, options) => {
      answers.push([more.id ?? WAITING.id, answer, options?.rule]);
      return { ok: true, rule: options?.rule };
    },
  };
}

/** One request, then silence. */
const oneRequest = (answers: unknown[]): Library['approvals'] =>
  async function* (_context, _name, signal) {
    yield asked(answers);
    await aborted(signal);
  };

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', resolve, { once: true });
  });
}

/** One request, and a cage that stops once it is answered. */
const untilAnswered = (answers: unknown[]): Library['approvals'] =>
  async function* () {
    yield asked(answers);
    while (answers.length === 0) await new Promise((wake) => setImmediate(wake));
  };

test.each<[string, unknown[]]>([
  ['o', ['once', undefined]],
  ['c', ['cage', undefined]],
  ['a', ['always', undefined]],
  ['d', ['deny', undefined]],
  ['D', ['deny-cage', undefined]],
])('%s and Enter answers %j', async (key, answer) => {
  const { answers, shown } = await atTerminal([key], untilAnswered);
  expect(answers).toEqual([[WAITING.id, ...answer]]);
  expect(shown).toContain(WAITING.url);
  expect(shown).toContain('the cage shop has stopped');
});

test('a wider rule is chosen from those that are offered', async () => {
  const { answers, shown } = await atTerminal(['w', '1'], untilAnswered);
  expect(answers).toEqual([[WAITING.id, 'cage', WAITING.rules.wider[0]]]);
  expect(shown).toContain('1  POST xn--bcher-kva.example');
});

test.each([
  ['yes', 'type one of the letters'],
  ['', 'type one of the letters'],
  ['O', 'type one of the letters'],
  ['oo', 'type one of the letters'],
])('%j is no answer and asks again', async (line, told) => {
  const { answers, shown } = await atTerminal([line], oneRequest);
  expect(answers).toEqual([]);
  expect(shown).toContain(told);
});

test('an input that ends answers nothing and leaves', async () => {
  const { answers } = await atTerminal([], oneRequest);
  expect(answers).toEqual([]);
});

test('a request that somebody else answers goes away, and the next one is shown', async () => {
  const second = 'ffffffffffff';
  const { answers, shown } = await atTerminal(
    ['w'],
    (list) =>
      async function* (_context, _name, signal) {
        yield asked(list);
        yield { event: 'closed', id: WAITING.id, outcome: 'once', by: 'ann' };
        yield asked(list, { id: second, url: 'https://second.example/' });
        yield { event: 'closed', id: second, outcome: 'timeout', by: undefined };
        yield asked(list, { id: 'eeeeeeeeeeee', url: 'https://third.example/' });
        await aborted(signal);
      },
  );
  expect(shown).toContain('https://third.example/');
  expect(answers).toEqual([]);
});

test('a request that goes away while it is asked about says why', async () => {
  const { answers, shown } = await atTerminal(
    ['later', undefined],
    (list) =>
      async function* () {
        yield asked(list);
        for (let turns = 0; turns < 20; turns++) await new Promise((wake) => setImmediate(wake));
        yield { event: 'closed', id: WAITING.id, outcome: 'denied', by: 'ann' };
        for (let turns = 0; turns < 20; turns++) await new Promise((wake) => setImmediate(wake));
      },
  );
  expect(answers).toEqual([]);
  expect(shown).toContain('refused elsewhere by ann');
});

test('an answer that cannot be carried out says why, and the request is asked about again', async () => {
  let tries = 0;
  const { answers, shown } = await atTerminal(
    ['a', 'o'],
    (list) =>
      async function* () {
        yield {
          event: 'asked',
          request: WAITING,
          answer: async (answer) => {
            tries += 1;
            if (answer === 'always') {
              throw new IronError('E_LOCKED', { message: 'somebody else is at it', hint: 'try again' });
            }
            list.push(answer);
            return { ok: true, rule: undefined };
          },
        };
        while (list.length === 0) await new Promise((wake) => setImmediate(wake));
      },
  );
  expect(tries).toBe(2);
  expect(answers).toEqual(['once']);
  expect(shown).toContain('somebody else is at it; try again');
});
