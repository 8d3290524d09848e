import { expect, test } from 'vitest';
import { IronError } from '../platform/errors.ts';
import { AGENTS, findProfile } from './profiles.ts';

test('every agent is found by its own name, and no name is taken twice', () => {
  for (const agent of AGENTS) expect(findProfile(agent.name)).toBe(agent);
  expect(new Set(AGENTS.map((agent) => agent.name)).size).toBe(AGENTS.length);
});

test.each([
  ['cluade', 'did you mean claude?'],
  ['Claude', 'did you mean claude?'],
  ['shel', 'did you mean shell?'],
  ['bash', 'the agents are: claude, codex, gemini, opencode, shell'],
  ['', 'the agents are: claude, codex, gemini, opencode, shell'],
  ['x'.repeat(100_000), 'the agents are: claude, codex, gemini, opencode, shell'],
  ['__proto__', 'the agents are: claude, codex, gemini, opencode, shell'],
])('an unknown agent %j is an error that says: %s', (name, hint) => {
  let thrown: unknown;
  try {
    findProfile(name);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(IronError);
  expect(thrown).toMatchObject({ code: 'E_NO_AGENT', exitCode: 2, hint: expect.stringContaining(hint) });
});

test('what can be installed is pinned: an exact version, and the content of every platform package', () => {
  for (const { install } of AGENTS) {
    if (install === undefined) continue;
    expect(install.version).toMatch(/^\d+\.\d+\.\d+$/);
    for (const platform of Object.values(install.platformPackages)) {
      expect(platform.integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
    }
  }
});

test('a secret of an agent goes to hosts of that agent only', () => {
  for (const agent of AGENTS) {
    for (const secret of agent.secrets) for (const host of secret.hosts) expect(agent.hosts).toContain(host);
  }
});
