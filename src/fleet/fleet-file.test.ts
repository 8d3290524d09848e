import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IronError } from '../platform/errors.ts';
import { readFleetFile } from './fleet-file.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'ironcage-fleet-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function mistakes(path: string): string[] {
  try {
    readFleetFile(path);
  } catch (error) {
    if (error instanceof IronError && error.code === 'E_CONFIG') {
      return error.reasons.map((line) => line.slice(directory.length + 1));
    }
    throw error;
  }
  return [];
}

const TOML = `
jobs = 3
[defaults]
agent = "claude"
checks = ["npm test"]
env = { CI = "1", LEVEL = "a" }
budget = { cost = 2.5, time = "30m" }
[[tasks]]
name = "lint"
prompt = "Fix it"
[[tasks]]
name = "docs"
agent = "codex"
prompt-file = "docs.md"
checks = []
env = { LEVEL = "b" }
budget = { tokens = 1000 }
retries = 2
`;

const YAML = `
jobs: 3
defaults:
  agent: claude
  checks: [npm test]
  env: { CI: "1", LEVEL: a }
  budget: { cost: 2.5, time: 30m }
tasks:
  - name: lint
    prompt: Fix it
  - name: docs
    agent: codex
    prompt-file: docs.md
    checks: []
    env: { LEVEL: b }
    budget: { tokens: 1000 }
    retries: 2
`;

test.each([
  ['My Fleet.toml', TOML],
  ['My Fleet.yaml', YAML],
])('%s: a task has what it says itself, and the defaults beside it', (name, text) => {
  write('docs.md', 'Write the docs\n');
  const fleet = readFleetFile(write(name, text));
  expect(fleet).toMatchObject({ name: 'my-fleet', directory, jobs: 3 });
  const [lint, docs] = fleet.tasks;
  expect(lint).toMatchObject({ agent: 'claude', prompt: 'Fix it', checks: ['npm test'], retries: 0 });
  expect(lint?.cage.env).toEqual(['CI=1', 'LEVEL=a']);
  expect(docs).toMatchObject({ agent: 'codex', prompt: 'Write the docs\n', checks: [], retries: 2 });
  expect(docs?.cage.env).toEqual(['CI=1', 'LEVEL=b']);
  expect(docs?.budget).toEqual({ cost: 2.5, time: '30m', tokens: 1000 });
});

test('every mistake of a TOML file is told at its place', () => {
  const path = write(
    'f.toml',
    'job = 2\n[[tasks]]\nname = "A b"\nprompt = "x"\nagent = "claude"\n[[tasks]]\nname = "b"\nprompt = 5\nretires = 1\nagent = "claude"\n',
  );
  const told = mistakes(path);
  expect(told).toContainEqual(expect.stringMatching(/^f\.toml:1:1: there is no key "job" here — did you mean jobs\?/));
  expect(told).toContainEqual(expect.stringMatching(/^f\.toml:3:1: name: a name has at most 30/));
  expect(told).toContainEqual(expect.stringMatching(/^f\.toml:8:1: prompt: /));
  expect(told).toContainEqual(expect.stringMatching(/^f\.toml:9:1: .*"retires".*did you mean retries\?/));
});

test('every mistake of a YAML file is told at its place', () => {
  const path = write(
    'f.yaml',
    'jobs: many\ntasks:\n  - name: a\n    prompt: x\n    agent: claude\n    budget:\n      costs: 1\n',
  );
  const told = mistakes(path);
  expect(told).toContainEqual(expect.stringMatching(/^f\.yaml:1:1: jobs: /));
  expect(told).toContainEqual(
    expect.stringMatching(/^f\.yaml:7:7: there is no key "costs" here — did you mean cost\?/),
  );
});

test.each([
  ['a.toml', '[[tasks]\n', /^a\.toml:\d:\d+: .*this is not TOML/],
  ['a.yaml', 'tasks: [\n', /^a\.yaml:\d:\d+: .*this is not YAML/],
  ['b.yaml', 'tasks: []\n', /there is no task in it/],
  ['c.yaml', 'tasks:\n  - {name: a, agent: claude}\n', /^c\.yaml:2:5: a has no prompt/],
  ['d.yaml', 'tasks:\n  - {name: a, prompt: x}\n', /a has no agent/],
  ['e.yaml', 'defaults: {agent: shell, prompt: x}\ntasks: [{name: a}, {name: a}]\n', /two tasks have the name a/],
  ['g.yaml', 'tasks: [{name: a, agent: shell, prompt: x, prompt-file: y}]\n', /exclude each other/],
  ['h.yaml', 'tasks: [{name: a, agent: shell, prompt-file: missing.md}]\n', undefined],
])('%s is refused', (name, text, expected) => {
  const path = write(name, text);
  if (expected === undefined) expect(() => readFleetFile(path)).toThrow('a prompt-file of the fleet cannot be read');
  else expect(mistakes(path).join('\n')).toMatch(expected);
});

test('aliases that would grow without end are refused', () => {
  const levels = Array.from({ length: 9 }, (_level, index) =>
    index === 0
      ? '&a0 [x,x,x,x,x,x,x,x,x]'
      : `&a${index} [${Array(9)
          .fill(`*a${index - 1}`)
          .join(',')}]`,
  );
  const text = levels.map((value, index) => `k${index}: ${value}`).join('\n');
  expect(mistakes(write('bomb.yaml', `${text}\n`)).join('\n')).toMatch(/alias/i);
});

test('a file of another kind, or none, says what is wanted', () => {
  expect(() => readFleetFile(write('fleet.json', '{}'))).toThrow('neither TOML nor YAML');
  expect(() => readFleetFile(join(directory, 'none.toml'))).toThrow('cannot be read');
});
