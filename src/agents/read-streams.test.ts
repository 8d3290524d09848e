import {
  array,
  assert,
  boolean,
  constant,
  constantFrom,
  dictionary,
  double,
  integer,
  json,
  jsonValue,
  letrec,
  nat,
  oneof,
  property,
  string,
  tuple,
} from 'fast-check';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readRecorded, recordedLines } from '../../test/support/recorded-stream.ts';
import type { AgentEvent } from './events.ts';
import { AGENTS } from './profiles.ts';
import { createClaudeReader } from './read-claude.ts';
import { createCodexReader } from './read-codex.ts';
import { createGeminiReader } from './read-gemini.ts';
import { createOpencodeReader } from './read-opencode.ts';
import { createTextReader } from './read-text.ts';

const READERS = AGENTS.flatMap(({ name, headless }) => (headless === undefined ? [] : [{ name, headless }]));
const RECORDED = readdirSync(new URL('../../test/recorded', import.meta.url)).map((name) => name.replace('.jsonl', ''));

function ofType<T extends AgentEvent['type']>(events: readonly AgentEvent[], type: T) {
  return events.filter((event): event is Extract<AgentEvent, { type: T }> => event.type === type);
}

test('reads what Claude Code says: session, thoughts, text, calls, every result, and how it ended', () => {
  const events = readRecorded('claude', createClaudeReader());
  expect(events.map(({ type }) => type).filter((type) => type !== 'usage')).toEqual([
    'session',
    'thinking',
    'text',
    ...['tool-call', 'tool-call', 'tool-call'],
    ...['tool-result', 'tool-result', 'tool-result'],
    ...['tool-call', 'tool-result'],
    'text',
    'done',
  ]);
  expect(events[0]).toMatchObject({ sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/), model: 'claude-opus-5-5' });
  expect(ofType(events, 'tool-call')[0]).toMatchObject({ name: 'Bash', input: { command: 'ls; cat README.md' } });
  expect(ofType(events, 'tool-result').map(({ output, isError }) => [output.slice(0, 19), isError])).toEqual([
    ['File does not exist', true],
    ['README.md\none\ntwo', false],
    ['Exit code 3', true],
    ['File created succes', false],
  ]);
  expect(events.at(-1)).toEqual({
    type: 'done',
    isError: false,
    text: 'A file is written.\n\nAll is **done**.',
    durationMs: 1753,
    turns: 5,
  });
});

test('counts an answer of Claude Code once, though each of its messages repeats its usage', () => {
  const usage = ofType(readRecorded('claude', createClaudeReader()), 'usage');
  const steps = usage.filter(({ scope }) => scope === 'step');
  expect(steps.map(({ inputTokens }) => inputTokens)).toEqual([12509, 12761, 12865]);
  const total = { scope: 'total', inputTokens: 38135, outputTokens: 189 };
  expect(usage.at(-1)).toMatchObject(total);
  expect(usage.at(-1)?.costUsd).toBeCloseTo(0.15632, 6);
  expect(steps.reduce((sum, { inputTokens }) => sum + inputTokens, 0)).toBe(total.inputTokens);
});

test('does not count what a session of Claude Code had used before it was resumed', () => {
  const usage = ofType(readRecorded('claude-resume', createClaudeReader()), 'usage');
  expect(usage.at(-1)).toMatchObject({ scope: 'total', inputTokens: 13315, outputTokens: 17, costUsd: 0.0402 });
});

test('takes all results out of one message, with parts that are no text', () => {
  const content = [
    {
      type: 'tool_result',
      tool_use_id: 'a',
      content: [
        { type: 'text', text: 'one' },
        { type: 'image', source: {} },
      ],
    },
    { type: 'tool_result', tool_use_id: 'b', content: 'two', is_error: true },
    { type: 'tool_result', tool_use_id: 'c' },
  ];
  expect(createClaudeReader().read(JSON.stringify({ type: 'user', message: { content } }))).toEqual([
    { type: 'tool-result', id: 'a', output: 'one\n[image]', isError: false },
    { type: 'tool-result', id: 'b', output: 'two', isError: true },
    { type: 'tool-result', id: 'c', output: '', isError: false },
  ]);
});

test('reads what Codex says: one call and one result for an item that begins and ends', () => {
  const events = readRecorded('codex', createCodexReader());
  const shell = ['tool-call', 'tool-result'];
  const thought = 'thinking';
  expect(events.map(({ type }) => type)).toEqual([
    'session',
    ...[thought, ...shell, thought, ...shell, thought, ...shell, thought],
    ...['text', 'usage', 'done'],
  ]);
  expect(ofType(events, 'tool-result')).toMatchObject([
    { output: 'README.md\ncodex-new.txt\none\ntwo\n', isError: false },
    { output: 'exit code 3', isError: true },
    { output: 'add /home/you/project/codex-new.txt', isError: false },
  ]);
  expect(ofType(events, 'usage')).toEqual([{ type: 'usage', scope: 'session', inputTokens: 40, outputTokens: 40 }]);
  expect(events.at(-1)).toEqual({ type: 'done', isError: false, text: 'Done.' });
});

test('says of Codex that its usage is of the whole session', () => {
  const usage = ofType(readRecorded('codex-resume', createCodexReader()), 'usage');
  expect(usage).toEqual([{ type: 'usage', scope: 'session', inputTokens: 50, outputTokens: 50 }]);
});

test('tells the tries of Codex as notices, and its failure as the end', () => {
  const events = readRecorded('codex-refused', createCodexReader());
  expect(ofType(events, 'notice')).toHaveLength(12);
  expect(events.at(-1)).toMatchObject({ type: 'done', isError: true, text: expect.stringContaining('401') });
});

test('reads what Gemini CLI says: text whole, though it comes in pieces, and what it thought as used', () => {
  const events = readRecorded('gemini', createGeminiReader());
  expect(events.map(({ type }) => type)).toEqual([
    ...['session', 'text', 'tool-call', 'tool-call', 'tool-call', 'tool-result', 'tool-result', 'tool-result'],
    ...['tool-call', 'tool-result', 'text', 'usage', 'done'],
  ]);
  expect(ofType(events, 'text').map(({ text }) => text)).toEqual([
    'I look at the project first.',
    'A file is written.\n\nAll is **done**.',
  ]);
  expect(ofType(events, 'tool-result').map(({ isError }) => isError)).toEqual([false, true, false, false]);
  expect(ofType(events, 'usage')).toEqual([{ type: 'usage', scope: 'total', inputTokens: 400, outputTokens: 100 }]);
  expect(events.at(-1)).toMatchObject({ isError: false, text: expect.stringContaining('All is **done**.') });
});

test('counts of a session of Gemini CLI that was resumed what this run used', () => {
  const usage = ofType(readRecorded('gemini-resume', createGeminiReader()), 'usage');
  expect(usage).toMatchObject([{ scope: 'total', inputTokens: 100, outputTokens: 25 }]);
});

function piece(content: string): string {
  return JSON.stringify({ type: 'message', role: 'assistant', content, delta: true });
}

test('keeps the text of Gemini CLI that nothing followed, and tells endless text in parts', () => {
  const reader = createGeminiReader();
  expect(reader.read(piece('a begin'))).toEqual([]);
  expect(reader.end?.()).toEqual([{ type: 'text', text: 'a begin' }]);
  expect(reader.end?.()).toEqual([]);
  expect(reader.read(piece('x'.repeat(70_000)))).toHaveLength(1);
});

test('reads what opencode says: its session once, calls with their results, and each step as used', () => {
  const events = readRecorded('opencode', createOpencodeReader());
  const tool = ['tool-call', 'tool-result'];
  expect(events.map(({ type }) => type)).toEqual([
    ...['session', 'thinking', 'text', ...tool, ...tool, ...tool, 'usage'],
    ...[...tool, 'usage', 'text', 'usage', 'done'],
  ]);
  expect(ofType(events, 'tool-result')).toMatchObject([
    { output: 'File not found: /nowhere/README.md', isError: true },
    { output: 'exit code 3\n(no output)', isError: true },
    { output: 'README.md\none\ntwo\n', isError: false },
    { output: 'Wrote file successfully.', isError: false },
  ]);
  expect(ofType(events, 'usage')).toMatchObject([
    { scope: 'step', inputTokens: 7630, outputTokens: 125, costUsd: 0.024765 },
    { scope: 'step', inputTokens: 7861, outputTokens: 37 },
    { scope: 'step', inputTokens: 7940, outputTokens: 17 },
  ]);
  expect(events.at(-1)).toEqual({ type: 'done', isError: false, text: 'A file is written.\n\nAll is **done**.' });
});

test('adds what opencode had from a cache and what it thought', () => {
  const tokens = { input: 1, output: 2, reasoning: 4, cache: { read: 8, write: 16 } };
  const line = JSON.stringify({ type: 'step_finish', part: { reason: 'length', tokens, cost: 0 } });
  expect(createOpencodeReader().read(line)).toEqual([
    { type: 'usage', scope: 'step', inputTokens: 25, outputTokens: 6 },
    { type: 'done', isError: true, text: 'the model stopped: length' },
  ]);
});

test.each(['gemini-refused', 'opencode-refused'])('%s: says why it failed', (name) => {
  const reader = name.startsWith('gemini') ? createGeminiReader() : createOpencodeReader();
  expect(readRecorded(name, reader).at(-1)).toMatchObject({
    type: 'done',
    isError: true,
    text: expect.stringMatching(/API key not valid|invalid x-api-key/),
  });
});

test('knows every line of what was recorded', () => {
  for (const name of RECORDED) {
    const headless = READERS.find((reader) => name.startsWith(reader.name))?.headless ?? expect.fail(name);
    expect(ofType(readRecorded(name, headless.createReader()), 'unknown')).toEqual([]);
  }
});

test('takes each line of a plain program as text', () => {
  const reader = createTextReader();
  expect(['a b', '', 'c\r'].flatMap((line) => reader.read(line))).toEqual([
    { type: 'text', text: 'a b' },
    { type: 'text', text: '' },
    { type: 'text', text: 'c' },
  ]);
});

const KEYS = [
  'type',
  'subtype',
  'message',
  'content',
  'usage',
  'item',
  'id',
  'text',
  '__proto__',
  'constructor',
  'part',
];
const WORDS = ['system', 'init', 'assistant', 'user', 'result', 'item.completed', 'tool_result', 'text', 'tool_use'];
const hostile = letrec((tie) => ({
  value: oneof(
    { maxDepth: 5 },
    constantFrom(...WORDS),
    oneof(integer(), double(), boolean(), constant(null), string()),
    array(tie('value'), { maxLength: 4 }),
    tie('record'),
  ),
  record: dictionary(constantFrom(...KEYS), tie('value'), { maxKeys: 6 }),
})).record;

/** A line of a recording with one of its values replaced. */
const bent = tuple(
  constantFrom(...RECORDED.flatMap(recordedLines).filter((line) => line !== '')),
  nat(),
  jsonValue(),
).map(([line, at, value]) => {
  let left = at % 40;
  return JSON.stringify(JSON.parse(line), (_key, old: unknown) => (left-- === 1 ? value : old)) ?? 'null';
});

const lines = array(
  oneof(
    string(),
    json(),
    hostile.map((value) => JSON.stringify(value)),
    bent,
  ),
);

test.each(READERS)('$name: reads any lines without throwing, and no sum goes down', ({ headless }) => {
  assert(
    property(lines, (given) => {
      const reader = headless.createReader();
      for (const event of given.flatMap((line) => reader.read(line))) {
        if (event.type === 'session') expect(event.sessionId).toMatch(/^[A-Za-z0-9]/);
        if (event.type !== 'usage') continue;
        expect(event.inputTokens).toBeGreaterThanOrEqual(0);
        expect(event.outputTokens).toBeGreaterThanOrEqual(0);
        expect(event.costUsd ?? 0).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 200 },
  );
});

test.each(READERS)(
  '$name: what it made of a line can be written out again, however deep and long it was',
  ({ headless }) => {
    const deep = `{"type":"assistant","message":{"content":[{"type":"tool_use","input":${'['.repeat(200_000)}`;
    const whole = `${deep}${']'.repeat(200_000)}}]}}`;
    const item = whole.replace('"assistant","message"', '"item.started","item"');
    const long = JSON.stringify({ type: 'text', text: 'x'.repeat(10_000_000) });
    const reader = headless.createReader();
    for (const line of [deep, whole, item, long]) {
      const events = reader.read(line);
      expect(events).toHaveLength(1);
      expect(JSON.stringify(events).length).toBeGreaterThan(line.length);
    }
  },
);

test('makes nothing of a line of millions of small values, and reads one of a large text', () => {
  const reader = createClaudeReader();
  const crowded = `{"type":"user","message":{"content":[${'{},'.repeat(600_000)}{}]}}`;
  expect(reader.read(crowded)).toEqual([{ type: 'unknown', kind: 'too-many-values', raw: crowded }]);
  const text = '[{,:\\"}]'.repeat(200_000);
  const large = JSON.stringify({ type: 'assistant', message: { content: [{ type: 'text', text }] } });
  expect(reader.read(large)).toEqual([{ type: 'text', text }]);
});
