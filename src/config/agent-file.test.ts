import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { parseAgentFile } from './agent-file.ts';

const WHOLE = `
title = "Goose"
program = "goose"
start = ["{program}", "session", "{args}"]
hosts = ["api.example.com"]
allow = ["npm", "GET docs.example.com/v1/**"]

[env]
GOOSE_MODE = "auto"

[install]
npm = "@me/goose"
version = "1.2.3"
integrity = "sha512-${'a'.repeat(86)}=="
program = "bin/goose.js"
node = true

[headless]
argv = ["{program}", "run", ["--model", "{model}"], ["--resume={resume}"], "{args}"]
reader = "claude-stream-json"
instructions = ".config/goose/hints.md"

[[secret]]
name = "GOOSE_KEY"
hosts = ["api.example.com"]
header = "x-api-key"

[[home]]
path = ".config/goose/config.yaml"
content = "telemetry: false"
`;

test('reads a whole agent', () => {
  expect(parseAgentFile(WHOLE)).toMatchObject({
    ok: true,
    agent: {
      title: 'Goose',
      program: 'goose',
      start: ['{program}', 'session', '{args}'],
      allow: [
        { text: 'npm', line: 6 },
        { text: 'GET docs.example.com/v1/**', line: 6 },
      ],
      env: { GOOSE_MODE: 'auto' },
      install: { npm: '@me/goose', version: '1.2.3', program: 'bin/goose.js', node: true },
      headless: { reader: 'claude-stream-json', instructions: '.config/goose/hints.md' },
      secrets: [{ name: 'GOOSE_KEY', slots: [{ kind: 'header', name: 'x-api-key' }], env: 'GOOSE_KEY' }],
      homeFiles: [{ path: '.config/goose/config.yaml', content: 'telemetry: false' }],
    },
  });
});

test('takes a program alone, and reads its output as text', () => {
  expect(parseAgentFile('program = "goose"\n[headless]\nargv = ["{program}"]')).toMatchObject({
    ok: true,
    agent: { start: ['{program}', '{args}'], hosts: [], headless: { reader: 'text' } },
  });
});

test('tells every mistake at its place, and gives nothing', () => {
  const read = parseAgentFile(`titel = "x"
program = "/bin/sh"
hosts = ["*.example.com"]
start = ["{program}", "{prompt}"]
[headless]
argv = ["goose"]
reader = "jsonl"
instructions = "../outside"
[[secret]]
name = "KEY"
[[home]]
path = "/etc/passwd"
content = 7
[other]
[env]
"A B" = "x"
`);
  expect(read.ok).toBe(false);
  const told = read.ok ? [] : read.problems.map(({ line, message }) => `${line}: ${message.slice(0, 40)}`);
  expect(told).toEqual([
    expect.stringContaining('1: there is no key "titel"'),
    expect.stringContaining('2: program takes the name of a program'),
    expect.stringContaining('3: hosts takes a list'),
    expect.stringContaining('4: start takes a list of arguments'),
    expect.stringContaining('6: argv takes a list of arguments'),
    expect.stringContaining('7: reader takes "claude-stream-json"'),
    expect.stringContaining('8: instructions takes a path within the'),
    expect.stringContaining('9: hosts is missing'),
    expect.stringContaining('12: path takes a path within the home'),
    expect.stringContaining('13: content takes a text in quotes'),
    expect.stringContaining('14: there is no table "other"'),
    expect.stringContaining('16: "A B" is no name of a variable'),
  ]);
});

test.each(['a/../b', '..', './a', 'a//b', '/a', ''])('refuses %j as a path of the home', (path) => {
  const text = `program = "a"\n[[home]]\npath = ${JSON.stringify(path)}\ncontent = ""`;
  expect(parseAgentFile(text)).toMatchObject({ ok: false, problems: [{ line: 3 }] });
});

test('reads any text without throwing', () => {
  assert(
    property(string(), (text) => {
      expect(typeof parseAgentFile(text).ok).toBe('boolean');
    }),
  );
});
