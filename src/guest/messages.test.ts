import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

let bus: string;
beforeEach(() => {
  bus = mkdtempSync(join(tmpdir(), 'ironcage-guest-'));
  mkdirSync(join(bus, 'inbox'));
});
afterEach(() => rmSync(bus, { recursive: true, force: true }));

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const environment = (): Record<string, string> => ({ IRONCAGE_BUS: bus, IRONCAGE_RUN: 'r-1' });

function run(
  name: string,
  args: readonly string[],
  input = '',
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program(name), ...args],
      { env: environment() },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

function deliver(seq: number, type: string, more: Record<string, unknown> = {}): void {
  const name = `${String(seq).padStart(12, '0')}-h-${seq}.json`;
  writeFileSync(
    join(bus, 'inbox', name),
    JSON.stringify({ version: 1, id: `h-${seq}`, seq, type, payload: {}, ...more }),
  );
}

test('cage-send writes one whole message, and nothing where something is wrong', async () => {
  const sent = await run('cage-send.mjs', ['question', '-', '--reply-to', 'h-1'], '{"text":"Which?"}');
  expect(sent.stdout).toMatch(/^sent question m-\S+\n$/);
  const [name = '', ...others] = readdirSync(join(bus, 'outbox'));
  expect(others).toEqual([]);
  expect(name).toMatch(/^\d{12}-m-.+\.json$/);
  const message: unknown = JSON.parse(readFileSync(join(bus, 'outbox', name), 'utf8'));
  expect(message).toMatchObject({
    version: 1,
    type: 'question',
    replyTo: 'h-1',
    run: 'r-1',
    payload: { text: 'Which?' },
  });
  const [wrong, unknown, noJson] = await Promise.all([
    run('cage-send.mjs', ['task_complete', '{"summary":"done"}']),
    run('cage-send.mjs', ['exited', '{}']),
    run('cage-send.mjs', ['error', 'help!']),
  ]);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toContain('exit_code is missing: a whole number');
  expect(wrong.stderr).toContain(`cage-send task_complete '{"summary"`);
  expect(unknown.stderr).toContain('there is no type "exited"');
  expect(noJson.stderr).toContain('the payload is no JSON');
  expect(readdirSync(join(bus, 'outbox'))).toEqual([name]);
});

test('of several that wait each gets a message of its own, and what one does not want another still gets', async () => {
  const waiting = [1, 2, 3].map(() => run('cage-wait.mjs', ['--type', 'answer', '--timeout', '60']));
  deliver(1, 'task_revision');
  for (const seq of [2, 3, 4]) deliver(seq, 'answer');
  writeFileSync(join(bus, 'inbox/000000000000-x.json'), 'nonsense');
  const got = (await Promise.all(waiting)).map(({ stdout }): unknown => JSON.parse(stdout).id);
  expect(new Set(got)).toEqual(new Set(['h-2', 'h-3', 'h-4']));
  expect(JSON.parse((await run('cage-wait.mjs', [])).stdout)).toMatchObject({ id: 'h-1', type: 'task_revision' });
  // Delivered once more by a host that was interrupted.
  deliver(1, 'task_revision');
  expect(await run('cage-wait.mjs', ['--timeout', '0'])).toMatchObject({ code: 1, stdout: 'POLL_TIMEOUT\n' });
});

test('the same is a server of tools', async () => {
  const server = spawn(process.execPath, [program('cage-mcp.mjs')], {
    env: environment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const say = (message: unknown): boolean => server.stdin.write(`${JSON.stringify(message)}\n`);
  const ask = async (id: number, method: string, params: unknown): Promise<unknown> => {
    say({ jsonrpc: '2.0', id, method, params });
    return JSON.parse(String((await lines.next()).value));
  };
  try {
    expect(await ask(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {} })).toMatchObject({
      result: { protocolVersion: '2025-06-18', serverInfo: { name: 'ironcage' } },
    });
    say({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect(JSON.stringify(await ask(2, 'tools/list', {}))).toMatch(/send_message.*wait_for_message.*ask_question/);
    expect(
      await ask(3, 'tools/call', { name: 'send_message', arguments: { type: 'error', payload: {} } }),
    ).toMatchObject({
      result: { isError: true, content: [{ text: expect.stringContaining('message is missing') }] },
    });
    deliver(7, 'answer', { payload: { text: 'the second' } });
    expect(await ask(4, 'tools/call', { name: 'ask_question', arguments: { text: 'Which?' } })).toMatchObject({
      result: { content: [{ text: expect.stringContaining('the second') }] },
    });
    expect(readdirSync(join(bus, 'outbox'))).toHaveLength(1);
    expect(await ask(5, 'resources/list', {})).toMatchObject({ error: { code: -32601 } });
  } finally {
    server.kill();
  }
});
