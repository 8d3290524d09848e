// Programs outside that have an agent in a cage work for them: an editor over the Agent Client Protocol and an outer agent over the Model
// Context Protocol. The SDKs' own clients, the real Claude Code in a real cage, a scripted model.
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { client, methods, ndJsonStream, PROTOCOL_VERSION, type SessionUpdate } from '@agentclientprotocol/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMcp } from '../support/mcp-client.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { userGit } from '../support/repositories.ts';
import { openSandbox, PROGRAM, type Sandbox } from '../support/sandbox.ts';

const KEY = 'sk-ant-api03-the-real-one-5f4dcc3b5aa765d61d8327deb882cf99';
const TEST_MS = 170_000;

let sandbox: Sandbox;
let server: ModelServer;
let options: string[];

beforeAll(async () => {
  sandbox = openSandbox();
  server = await startModelServer({
    apiKey: KEY,
    script: [
      { text: 'I write a file.', tools: [bash('echo made inside > made.txt; cat made.txt')] },
      (results) => ({ text: results.length === 1 ? 'The file is there.' : 'More than one.' }),
    ],
  });
  const authority = join(sandbox.directory, 'authority.pem');
  writeFileSync(authority, server.caPem);
  options = ['--route', `api.anthropic.com=127.0.0.1:${server.port},ca=${authority}`];
});
afterAll(async () => {
  await sandbox?.close();
  await server?.close();
});

function bash(command: string) {
  return { name: 'Bash', input: { command, description: 'Write it' } };
}

test(
  'an editor prompts a caged agent, sees what it does, goes on with its session, and cannot be used by it',
  async () => {
    const project = sandbox.project('edited');
    const child = spawn(process.execPath, ['--', PROGRAM, 'acp', 'claude', '--name', 'edited', ...options], {
      cwd: project,
      env: { ...sandbox.env, ANTHROPIC_API_KEY: KEY },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const updates: SessionUpdate[] = [];
    const asked: string[] = [];
    const editor = client({ name: 'an editor' })
      .onNotification(methods.client.session.update, ({ params }) => void updates.push(params.update))
      .onRequest('*', ({ method }) => {
        asked.push(method);
        return {};
      });
    const stream = ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout));
    await editor.connectWith(stream, async (agent) => {
      const about = await agent.request(methods.agent.initialize, {
        protocolVersion: PROTOCOL_VERSION,
        clientCapabilities: { fs: { readTextFile: true, writeTextFile: true }, terminal: true },
      });
      expect(about).toMatchObject({ protocolVersion: PROTOCOL_VERSION, agentInfo: { name: 'ironcage' } });
      await expect(
        agent.request(methods.agent.session.new, { cwd: sandbox.project('another'), mcpServers: [] }),
      ).rejects.toThrow(/this agent is for/);
      const { sessionId } = await agent.request(methods.agent.session.new, { cwd: project, mcpServers: [] });
      const prompt = (text: string) =>
        agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: 'text', text }] });
      expect(await prompt('Make the file, please.')).toEqual({ stopReason: 'end_turn' });
      expect(await prompt('And is it there?')).toEqual({ stopReason: 'end_turn' });
    });
    child.stdin.end();
    await ended;

    expect(asked).toEqual([]);
    const call = updates.find((update) => update.sessionUpdate === 'tool_call');
    expect(call).toMatchObject({ kind: 'execute', status: 'in_progress' });
    expect(updates).toContainEqual(
      expect.objectContaining({
        sessionUpdate: 'tool_call_update',
        toolCallId: call?.toolCallId,
        status: 'completed',
        content: [{ type: 'content', content: { type: 'text', text: 'made inside' } }],
      }),
    );
    const said = updates.flatMap((update) =>
      update.sessionUpdate === 'agent_message_chunk' && update.content.type === 'text' ? [update.content.text] : [],
    );
    expect(said.join('\n')).toContain('The file is there.');
    expect(said.join('\n')).toContain('`ironcage apply edited` takes it over');
    const second = server.requests.find(({ body }) => body.includes('And is it there?'));
    expect(second?.body).toContain('Make the file, please.');
    expect(existsSync(join(project, 'made.txt'))).toBe(false);
    expect((await sandbox.run(['diff', 'edited', '--json'])).stdout).toContain('made.txt');
  },
  TEST_MS,
);

test(
  'a prompt that the editor cancels ends as cancelled, and what a vanished editor has begun is stopped',
  async () => {
    const project = sandbox.project('given-up');
    const child = spawn(process.execPath, ['--', PROGRAM, 'acp', 'shell', '--name', 'given-up'], {
      cwd: project,
      env: sandbox.env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let begun: () => void = () => undefined;
    const editor = client({ name: 'an editor' }).onNotification(methods.client.session.update, ({ params }) => {
      const { update } = params;
      if (update.sessionUpdate !== 'agent_message_chunk' || update.content.type !== 'text') return;
      if (update.content.text.includes('begun')) begun();
    });
    const stream = ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout));
    await editor.connectWith(stream, async (agent) => {
      await agent.request(methods.agent.initialize, { protocolVersion: PROTOCOL_VERSION, clientCapabilities: {} });
      const start = async () => {
        const { sessionId } = await agent.request(methods.agent.session.new, { cwd: project, mcpServers: [] });
        const isAtWork = new Promise<void>((resolve) => (begun = resolve));
        const text = 'echo begun; sleep 600';
        const answer = agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: 'text', text }] });
        answer.catch(() => undefined);
        await isAtWork;
        return { sessionId, answer };
      };
      const first = await start();
      await agent.notify(methods.agent.session.cancel, { sessionId: first.sessionId });
      expect(await first.answer).toEqual({ stopReason: 'cancelled' });
      await start();
    });
    child.stdin.end();
    await ended;
    const runs: unknown = (await sandbox.run(['runs', 'given-up', '--json'])).json();
    expect(runs).toMatchObject([{ status: 'stopped' }, { status: 'stopped' }]);
  },
  TEST_MS,
);

test(
  'an outer agent launches, waits with progress, reads the log and brings the work onto a branch',
  async () => {
    const project = sandbox.project('delegated');
    const mcp = await openMcp(sandbox, { cwd: project, args: options, env: { ANTHROPIC_API_KEY: KEY } });
    try {
      const made = await mcp.call('create', { name: 'delegated', agent: 'claude' });
      expect(made.facts).toMatchObject({ cage: 'delegated' });
      const launched = await mcp.call('launch', { cage: 'delegated', prompt: 'Make the file, please.' });
      expect(launched.facts).toMatchObject({ cage: 'delegated', agent: 'claude', status: 'running' });
      const run = String(launched.facts['run']);
      const lines: string[] = [];
      const done = await mcp.call('wait', { run, timeoutSeconds: 100 }, (line) => lines.push(line));
      expect(done.facts).toMatchObject({ run, outcome: 'ended', status: 'done', exitCode: 0 });
      expect(lines.join('\n')).toContain('from the cage: call Bash');
      const log = await mcp.call('logs', { run, lines: 5, whole: true });
      expect(log.told).toContain('The file is there.');
      expect(log.links).toHaveLength(1);
      expect((await mcp.call('runs', {})).facts).toMatchObject({ all: 1 });
      const sent = await mcp.call('answer', { type: 'task_revision', text: 'Once more.' });
      expect(sent.facts).toMatchObject({ cage: 'delegated', sent: 'task_revision' });
      const applied = await mcp.call('apply', { branch: 'agent/file' });
      expect(applied.facts).toMatchObject({ branch: 'agent/file', applied: 1 });
      expect(userGit(project, 'show', 'agent/file:made.txt')).toBe('made inside\n');
      expect((await mcp.call('remove', { cage: 'delegated' })).facts).toMatchObject({ removed: 'delegated' });
    } finally {
      await mcp.close();
    }
  },
  TEST_MS,
);
