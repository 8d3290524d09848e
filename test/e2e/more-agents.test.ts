// The real Gemini CLI and opencode in real cages: their vendors are scripted servers on loopback that alone see the real key.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AgentEvent } from '../../src/agents/events.ts';
import { findProfile } from '../../src/agents/profiles.ts';
import { startGeminiServer } from '../support/gemini-server.ts';
import { startModelServer } from '../support/model-server.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const INSTALL_AND_RUN_MS = 300_000;
const COMMAND = "sed -i s/two/2/ README.md && rm old.txt && echo 'it is done'";

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = openSandbox();
});
afterAll(() => sandbox.close());

/** Runs the agent as an unattended run does, with the prompt on its input. */
async function work(agent: string, route: string, env: Record<string, string>): Promise<CliResult> {
  const argv = findProfile(agent).headless?.argv([], { args: [] }) ?? expect.fail(agent);
  const args = ['run', agent, '--name', agent, '--route', route, '--', ...argv];
  return sandbox.run(args, { cwd: sandbox.project(agent), env, input: 'tidy up\n' });
}

/** What its reader makes of what it wrote. */
function eventsOf(agent: string, { stdout }: CliResult): AgentEvent[] {
  const reader = findProfile(agent).headless?.createReader() ?? expect.fail(agent);
  return [...stdout.split('\n').flatMap((line) => reader.read(line)), ...(reader.end?.() ?? [])];
}

async function expectWork(agent: string, result: CliResult, key: string): Promise<void> {
  expect(result.stderr).not.toContain('error[');
  expect(result.exitCode).toBe(0);
  const events = eventsOf(agent, result);
  expect(events.filter(({ type }) => type === 'unknown')).toEqual([]);
  expect(events).toContainEqual(expect.objectContaining({ type: 'session' }));
  expect(events).toContainEqual(expect.objectContaining({ type: 'tool-result', isError: false }));
  expect(JSON.stringify(events)).toContain('it is done');
  expect(events.at(-1)).toMatchObject({ type: 'done', isError: false, text: 'Done.' });
  const diff = await sandbox.run(['diff', agent, '--json']);
  expect(diff.stdout).toContain('README.md');
  expect(diff.stdout).toContain('old.txt');
  const search = ['sh', '-c', `env; grep -rl ${key.slice(0, 24)} ~ /tmp "$PWD"; echo end`];
  const inside = await sandbox.run(['exec', agent, '--', ...search]);
  expect(inside.stdout).toMatch(/_API_KEY=.*[0-9a-f]{32}\n/);
  expect(inside.stdout).not.toContain(key);
  expect(inside.stdout).toMatch(/\nend\n$/);
}

test(
  'Gemini CLI works unattended, and asks nobody but its API',
  async () => {
    const key = 'AIzaSy-the-real-one-5f4dcc3b5aa765d61d83';
    const server = await startGeminiServer(key, [
      { text: 'I tidy up.', calls: [{ name: 'run_shell_command', args: { command: COMMAND } }] },
    ]);
    try {
      const result = await work('gemini', server.route, { GEMINI_API_KEY: key });
      await expectWork('gemini', result, key);
      expect(result.stderr).toContain('refused: nothing');
      expect(server.requests.length).toBeGreaterThan(0);
      expect(server.requests.every(({ authenticated }) => authenticated)).toBe(true);
    } finally {
      await server.close();
    }
  },
  INSTALL_AND_RUN_MS,
);

test(
  'opencode works unattended with the vendor whose key it has',
  async () => {
    const key = 'sk-ant-api03-the-real-one-5f4dcc3b5aa765d61d83';
    const directory = mkdtempSync(join(tmpdir(), 'ironcage-opencode-'));
    const server = await startModelServer({
      apiKey: key,
      script: [
        { text: 'I tidy up.', tools: [{ name: 'bash', input: { command: COMMAND, description: 'tidy up' } }] },
        { text: 'Done.' },
      ],
    });
    try {
      writeFileSync(join(directory, 'ca.pem'), server.caPem);
      const route = `api.anthropic.com=127.0.0.1:${server.port},ca=${join(directory, 'ca.pem')}`;
      await expectWork('opencode', await work('opencode', route, { ANTHROPIC_API_KEY: key }), key);
      expect(server.requests.every(({ authenticated }) => authenticated)).toBe(true);
      // It looks for types of its plugins, has no setting against it, and does without them.
      const refused = (await sandbox.run(['audit', 'opencode', '--json', '--decision', 'deny'])).records();
      expect(refused.every((entry) => JSON.stringify(entry).includes('@opencode-ai'))).toBe(true);
    } finally {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
  INSTALL_AND_RUN_MS,
);
