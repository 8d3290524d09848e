import { array, assert, integer, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { recordedLines } from '../../test/support/recorded-stream.ts';
import { createClaudeReader } from '../agents/read-claude.ts';
import { createCodexReader } from '../agents/read-codex.ts';
import { eventRows } from './event-rows.ts';
import type { AgentEvent } from '../agents/events.ts';

const TIME = new Date(2026, 10, 30, 9, 5, 7);

function lines(event: AgentEvent, options: Partial<Parameters<typeof eventRows>[1]> = {}): string[] {
  return eventRows(event, { time: TIME, ...options }).map((spans) =>
    spans.map((span) => (typeof span === 'string' ? span : span[1])).join(''),
  );
}

test('shows a run of Claude Code: what it does by what, every result, errors marked, and what it cost', () => {
  const reader = createClaudeReader();
  const used = { inputTokens: 38135, outputTokens: 189, costUsd: 0.15632 };
  const shown = recordedLines('claude').flatMap((line) =>
    reader.read(line).flatMap((event) => lines(event, { width: 80, used })),
  );
  expect(shown.map((line) => line.replace(/[0-9a-f-]{36}/, 'ID'))).toEqual([
    '09:05:07 INIT      session ID, claude-opus-5-5',
    '09:05:07 THINKING  The user wants a small change. I look first.',
    '09:05:07 AGENT     I look at the project first.',
    '09:05:07 TOOL      Bash: ls; cat README.md',
    '09:05:07 TOOL      Read: /home/you/README.md',
    '09:05:07 TOOL      Bash: exit 3',
    '09:05:07 ERROR     File does not exist. Note: your current working directory is',
    '                   /home/you/project.',
    '09:05:07 RESULT    README.md',
    '                   one',
    '                   two',
    '09:05:07 ERROR     Exit code 3',
    '09:05:07 TOOL      Write: /home/you/project/new.txt',
    '09:05:07 RESULT    File created successfully at: /home/you/project/new.txt (file',
    '                   state is current in your context — no need to Read it back)',
    '09:05:07 AGENT     A file is written.',
    '                   ',
    '                   All is **done**.',
    '09:05:07 DONE      38135 tokens in, 189 out, $0.1563, 1.8 s, 5 turns',
  ]);
});

test('says why an agent failed', () => {
  const reader = createCodexReader();
  const shown = recordedLines('codex-refused').flatMap((line) => reader.read(line).flatMap((event) => lines(event)));
  expect(shown[1]).toMatch(/^09:05:07 NOTICE {4}Model metadata/);
  expect(shown.at(-1)).toMatch(/^09:05:07 FAILED {4}unexpected status 401 Unauthorized/);
});

test.each([
  [{ pattern: 'TODO', path: 'src' }, 'Grep: TODO in src'],
  [{ query: 'weather' }, 'Grep: weather'],
  [{ changes: [{ kind: 'add', path: 'a' }, 7, { path: 'b' }] }, 'Grep: add a, 7, b'],
  [{ odd: [1] }, 'Grep: {"odd":[1]}'],
  [{}, 'Grep'],
  ['text', 'Grep: "text"'],
])('shows a call with %j as %s', (input, text) => {
  expect(lines({ type: 'tool-call', id: '1', name: 'Grep', input })).toEqual([`09:05:07 TOOL      ${text}`]);
});

test('tells what it does not know, and a result that is endless by its beginning', () => {
  expect(lines({ type: 'unknown', kind: 'new', raw: '{"type":"new"}' })).toEqual([
    '09:05:07 OTHER     new: {"type":"new"}',
  ]);
  const shown = lines({ type: 'tool-result', id: '1', output: 'a\n'.repeat(10_000), isError: false });
  expect(shown).toHaveLength(2001);
  expect(shown.at(-1)).toContain('… 8000 more lines');
  const long = lines({ type: 'tool-result', id: '1', output: 'a'.repeat(10_000_000), isError: false });
  expect(long.at(-1)).toContain('… 9737856 more characters');
});

test('wraps at blanks, counts what is two columns wide, and makes control sequences visible', () => {
  const text = `${'wide '.repeat(3)}漢字漢字漢字漢字漢字 \u001b]0;title\u0007\u001b[2J`;
  expect(lines({ type: 'text', text }, { width: 39 }).map((line) => line.slice(19))).toEqual([
    'wide wide wide',
    '漢字漢字漢字漢字漢字',
    '\\x1b]0;title\\x07\\x1b',
    '[2J',
  ]);
});

test('no line of any text steers a terminal or is wider than it, and no character is lost', () => {
  assert(
    property(
      array(integer({ min: 0, max: 0x10ffff }), { maxLength: 300 }),
      array(string()),
      integer({ min: 1, max: 120 }),
      (points, words, width) => {
        const given = `${String.fromCodePoint(...points)} ${words.join(' ')}`;
        const shown = lines({ type: 'text', text: given }, { width });
        expect(shown.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(2 * Math.max(39, width));
        const letters = shown.map((line) => line.slice(19)).join('');
        if (!/[^ -~]/u.test(given)) expect(letters.replaceAll(' ', '')).toBe(given.replaceAll(' ', ''));
      },
    ),
  );
});
