import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkOwnIdentity } from '../platform/identity-link.ts';
import { addUserRule } from './add-user-rule.ts';
import { formatProblem } from './toml-tables.ts';
import { parseUserConfig, type ParsedUserConfig } from './user-config.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const told = (text: string): string[] => {
  const read = parseUserConfig(text);
  return read.ok ? [] : read.problems.map((problem) => formatProblem('config.toml', problem));
};

test('settings are read', () => {
  expect(
    parseUserConfig(`
[policy]
allow = [
  "npm", "GET a.example/v1/**",
]
deny = ["b.example"]
[inspect]
payload-shape = "off"
[[inspector]]
module = "/home/me/no-drafts.mjs"
[[inspector]]
module = "/home/me/two.js"
timeout-ms = 50
[home]
caches = ["npm", "pip"]
`),
  ).toMatchObject({
    ok: true,
    config: {
      rules: [
        { effect: 'allow', text: 'npm', line: 4, column: 3 },
        { effect: 'allow', text: 'GET a.example/v1/**', line: 4, column: 10 },
        { effect: 'deny', text: 'b.example', line: 6, column: 9 },
      ],
      inspection: { payloadShape: 'off' },
      inspectors: [
        { name: 'no-drafts', module: '/home/me/no-drafts.mjs', timeoutMs: 1000 },
        { name: 'two', module: '/home/me/two.js', timeoutMs: 50 },
      ],
      caches: [
        { text: 'npm', line: 15, column: 11 },
        { text: 'pip', line: 15, column: 18 },
      ],
    },
  });
  expect(parseUserConfig('')).toEqual({ ok: true, config: { rules: [], inspection: {}, inspectors: [], caches: [] } });
});

test('every mistake is told at its place', () => {
  expect(
    told(`[policy]
alow = ["npm"]
deny = "b.example"
[[inspector]]
module = "relative.mjs"
[[inspector]]
timeout-ms = 0
[[inspector]]
module = "/a/x.mjs"
[[inspector]]
module = "/b/x.mjs"
[[inspector]]
module = "/b/a b.mjs"
[network]
`),
  ).toEqual([
    expect.stringMatching(/:2:1: there is no key "alow" — did you mean allow\?/),
    expect.stringMatching(/:3:1: deny takes a list of rules/),
    expect.stringMatching(/:5:1: module takes the absolute path/),
    expect.stringMatching(/:7:1: timeout-ms takes 1 to 60000/),
    expect.stringMatching(/:6:1: an inspector has no module/),
    expect.stringMatching(/:10:1: there are two inspectors called x/),
    expect.stringMatching(/:12:1: "a b" is no name/),
    expect.stringMatching(/:14:1: there is no table "network"/),
  ]);
});

test.each([
  ['no file', undefined, '[policy]\nallow = ["new.example"]'],
  [
    'a comment and another table',
    '# mine\n[inspect]\nsecret-shapes = "block" # strict\n',
    '[policy]\nallow = ["new.example"]',
  ],
  ['an empty list', '[policy]\nallow = []\n', 'allow = ["new.example"]'],
  ['a list over lines', '[policy]\nallow = [\n  "npm", # packages\n  "a.example",\n]\n', '"a.example", "new.example"'],
  ['only denials', '[policy] # rules\ndeny = ["b.example"]\n', '[policy] # rules\nallow = ["new.example"]\ndeny'],
  ['no newline at the end', '[inspect]\nsecret-shapes = "off"', 'off"\n\n[policy]'],
])('a rule is added to %s, and all else stays as it was', async (_, before, expected) => {
  const path = join(directory, 'deep', 'config.toml');
  const file = before === undefined ? path : join(directory, 'config.toml');
  if (before !== undefined) writeFileSync(file, before);
  await addUserRule(file, 'new.example');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(expected);
  const comments = (before ?? '').match(/#.*/g) ?? [];
  for (const comment of comments) expect(text).toContain(comment);
  const read = parseUserConfig(text);
  expect(read.ok && read.config.rules.some((rule) => rule.text === 'new.example')).toBe(true);
  await addUserRule(file, 'new.example');
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('a rule with quotes and backslashes is kept as it is', async () => {
  const file = join(directory, 'config.toml');
  const rule = 'GET a.example/x reason="quoted" \\ and more';
  await addUserRule(file, rule);
  const read = parseUserConfig(readFileSync(file, 'utf8'));
  expect(read.ok && read.config.rules.map(({ text }) => text)).toEqual([rule]);
});

test('a byte order mark before the settings is no mistake, and stays', async () => {
  const file = join(directory, 'config.toml');
  writeFileSync(file, '\ufeff[policy]\nallow = ["a.example"]\n');
  await addUserRule(file, 'b.example');
  const text = readFileSync(file, 'utf8');
  expect(text).toBe('\ufeff[policy]\nallow = ["a.example", "b.example"]\n');
  expect(parseUserConfig(text)).toMatchObject({ ok: true, config: { rules: [{ line: 2, column: 10 }, {}] } });
  expect(parseUserConfig('\ufeffalow = 1')).toMatchObject({ ok: false, problems: [{ line: 1, column: 1 }] });
});

test('settings with mistakes are not written to', async () => {
  const file = join(directory, 'config.toml');
  writeFileSync(file, '[polcy]\n');
  const before = statSync(file).mtimeMs;
  await expect(addUserRule(file, 'a.example')).rejects.toMatchObject({
    message: expect.stringMatching(/mistakes/),
    hint: 'mend them first; nothing was written to them',
  });
  expect(readFileSync(file, 'utf8')).toBe('[polcy]\n');
  expect(statSync(file).mtimeMs).toBe(before);
});

test('of rules that are added at once, none is lost', async () => {
  const file = join(directory, 'config.toml');
  const rules = Array.from({ length: 8 }, (_, index) => `r${index}.example`);
  await Promise.all(rules.map((rule) => addUserRule(file, rule)));
  const read = parseUserConfig(readFileSync(file, 'utf8'));
  expect(read.ok && read.config.rules.map(({ text }) => text).toSorted()).toEqual(rules);
  expect(readdirSync(directory)).toEqual(['config.toml']);
});

test('who writes at the same time is waited for, and what that one wrote stays', async () => {
  const file = join(directory, 'config.toml');
  linkOwnIdentity(`${file}.lock`);
  const added = addUserRule(file, 'second.example');
  writeFileSync(file, '[policy]\nallow = ["first.example"]\n');
  unlinkSync(`${file}.lock`);
  await added;
  expect(readFileSync(file, 'utf8')).toBe('[policy]\nallow = ["first.example", "second.example"]\n');
});

test('settings behind a link are written where they are, with the rights they have', async () => {
  const kept = join(directory, 'kept', 'config.toml');
  mkdirSync(join(directory, 'kept'));
  writeFileSync(kept, '', { mode: 0o640 });
  const file = join(directory, 'config.toml');
  symlinkSync(kept, file);
  await addUserRule(file, 'a.example');
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect(readFileSync(kept, 'utf8')).toContain('allow = ["a.example"]');
  expect(statSync(kept).mode & 0o777).toBe(0o640);
});

const setting = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('allow', 'deny', 'alow', 'module', 'timeout-ms', 'secret-shapes', 'policy.allow', '"a b"'),
        fc.constantFrom(
          '[]',
          '["npm"]',
          '[ "a", # b\n]',
          '["a",]',
          "['x']",
          '"/m.js"',
          '10',
          '-1',
          '"off"',
          '{ a = 1 }',
          '[',
        ),
      )
      .map(([name, text]) => `${name} = ${text}`),
  },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      '[policy]',
      '[policy] # why',
      '["policy"]',
      '[inspect]',
      '[[inspector]]',
      '[policy.x]',
      '# c',
      '',
    ),
  },
  { weight: 1, arbitrary: fc.string() },
);
const settings = fc
  .tuple(fc.array(setting, { maxLength: 6 }), fc.constantFrom('\n', '\r\n'))
  .map(([lines, end]) => lines.join(end));

test('whatever settings hold, they are settings or a list of problems with places', () => {
  fc.assert(
    fc.property(settings, (text) => {
      const read = parseUserConfig(text);
      if (read.ok) return;
      expect(read.problems.length).toBeGreaterThan(0);
      for (const { line, column, message } of read.problems) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(text.split('\n').length);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(message).not.toBe('');
      }
    }),
    { numRuns: 10_000 },
  );
});

function rulesOf(read: ParsedUserConfig): string[] {
  return read.ok ? read.config.rules.map(({ effect, text }) => `${effect} ${text}`) : [];
}

test('however settings are written, a rule is added to them or nothing is changed', async () => {
  const file = join(directory, 'config.toml');
  await fc.assert(
    fc.asyncProperty(settings, async (text) => {
      writeFileSync(file, text);
      const before = parseUserConfig(text);
      if (!before.ok) {
        await expect(addUserRule(file, 'new.example')).rejects.toThrow();
        expect(readFileSync(file, 'utf8')).toBe(text);
        return;
      }
      await addUserRule(file, 'new.example');
      const after = parseUserConfig(readFileSync(file, 'utf8'));
      expect(rulesOf(after).toSorted()).toEqual([...rulesOf(before), 'allow new.example'].toSorted());
    }),
    { numRuns: 1000 },
  );
});
