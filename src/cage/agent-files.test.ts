import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkAgent, createAgent, exportAgent, removeAgent } from './agent-files.ts';
import { listAgents } from './agent-list.ts';
import { agentFile, agentProfile } from './agent-profiles.ts';
import { openContext, type Context } from './context.ts';
import type { CageSpec } from './spec.ts';
import { writeSpec } from './store.ts';

const SPEC: CageSpec = {
  version: 1,
  name: 'shop',
  agent: 'goose',
  project: '/home/me/shop',
  backend: 'native',
  preset: 'safe',
  workspace: 'copy',
  net: 'filtered',
  auth: 'api-key',
  createdAt: '2026-11-21T00:00:00.000Z',
  home: '/home/agent',
  generation: 1,
  rules: [],
  secrets: [],
  inspectors: [],
  routes: [],
  env: {},
  binds: [],
  limits: {},
};

let root: string;
let context: Context;
const told: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-agents-'));
  told.length = 0;
  context = openContext({
    environment: { HOME: root, XDG_CONFIG_HOME: join(root, 'config') },
    progress: (line) => told.push(line),
  });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string): void {
  const file = agentFile(context, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

test('an agent of the user’s own is made, found, listed, written out and taken away', async () => {
  const file = await createAgent(context, 'my-claude', 'claude');
  expect(file).toBe(join(root, 'config/ironcage/agents/my-claude.toml'));
  expect((await checkAgent(context, 'my-claude')).name).toBe('my-claude');
  expect((await listAgents(context)).map(({ name }) => name)).toContain('my-claude');
  expect(await exportAgent(context, 'my-claude')).toBe(await exportAgent(context, 'claude'));
  await removeAgent(context, 'my-claude');
  expect(existsSync(file)).toBe(false);
  await expect(agentProfile(context, 'my-claude')).rejects.toMatchObject({ code: 'E_NO_AGENT' });
});

test('its hosts are allowed whole, its rules as they say', async () => {
  write('goose', 'program = "goose"\nhosts = ["api.example.com"]\nallow = ["GET docs.example.com/v1/**", "npm"]');
  const { rules = [] } = await agentProfile(context, 'goose');
  expect(rules[0]).toMatchObject({ host: 'api.example.com' });
  expect(rules[1]).toMatchObject({ host: 'docs.example.com', methods: ['GET'] });
  expect(rules.length).toBeGreaterThan(2);
});

test('every mistake is told with its place, and the agent is none', async () => {
  write('goose', 'program = 7\nallow = ["npm", "no rule at all"]');
  await expect(agentProfile(context, 'goose')).rejects.toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringContaining('mistake'),
    because: expect.stringMatching(/goose\.toml:1:1: program takes/),
  });
  write('goose', 'program = "goose"\nallow = ["npm", "no rule at all"]');
  await expect(agentProfile(context, 'goose')).rejects.toMatchObject({
    because: expect.stringMatching(/goose\.toml:2:17: "no rule at all" is no rule/),
  });
  expect((await listAgents(context)).map(({ name }) => name)).not.toContain('goose');
  expect(told).toEqual([expect.stringContaining('goose')]);
});

test('no file takes the place of an agent that ironcage knows', async () => {
  write('claude', 'program = "goose"');
  expect((await agentProfile(context, 'claude')).title).toBe('Claude Code');
  await expect(createAgent(context, 'codex', 'claude')).rejects.toMatchObject({ code: 'E_USAGE' });
  await expect(createAgent(context, '../codex', 'claude')).rejects.toMatchObject({ code: 'E_USAGE' });
  await expect(removeAgent(context, 'claude')).rejects.toMatchObject({ code: 'E_NO_AGENT' });
});

test('one that a cage was made for stays', async () => {
  write('goose', 'program = "goose"');
  mkdirSync(join(context.dataRoot, 'cages/shop'), { recursive: true });
  writeSpec(context, SPEC);
  const answer = removeAgent(context, 'goose');
  await expect(answer).rejects.toMatchObject({ code: 'E_USAGE', message: 'goose is the agent of shop' });
  expect(existsSync(agentFile(context, 'goose'))).toBe(true);
});
