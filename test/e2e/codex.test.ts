// The real Codex in a real cage: its vendor is a scripted server on loopback that is the only one to see the real key.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startResponsesServer, type ResponsesServer } from '../support/responses-server.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';
import { openTerminal } from '../support/terminal.ts';

const KEY = 'sk-proj-the-real-one-5f4dcc3b5aa765d61d8327deb882cf99';
const COMMANDS = ["sed -i s/two/2/ README.md && echo 'a new line' >> README.md", 'rm old.txt'];
const INSTALL_AND_RUN_MS = 110_000;

let sandbox: Sandbox;
let server: ResponsesServer | undefined;
beforeAll(() => {
  sandbox = openSandbox();
});
afterEach(() => server?.close());
afterAll(() => sandbox.close());

async function runCodex(name: string, model: ResponsesServer): Promise<CliResult> {
  const args = ['run', 'codex', '--name', name, '--route', model.route, '--', 'exec', '--json', 'tidy up'];
  return sandbox.run(args, { cwd: sandbox.project(name), env: { OPENAI_API_KEY: KEY } });
}

async function expectWork(name: string, result: CliResult): Promise<void> {
  expect(result.stderr).not.toContain('error[');
  expect(result.exitCode).toBe(0);
  expect(result.stdout).toContain('"type":"turn.completed"');
  const diff = await sandbox.run(['diff', name, '--json']);
  expect(diff.exitCode).toBe(0);
  expect(diff.stdout).toContain('README.md');
  expect(diff.stdout).toContain('old.txt');
  expect(readFileSync(join(sandbox.directory, name, 'README.md'), 'utf8')).toBe('one\ntwo\nthree\n');
}

test(
  'works over its WebSocket and asks nobody but its API, with a key that the cage does not have',
  async () => {
    server = await startResponsesServer({ apiKey: KEY, commands: COMMANDS });
    const result = await runCodex('socket', server);
    await expectWork('socket', result);
    expect(server.requests).toMatchObject([
      { transport: 'websocket', method: 'GET', path: '/v1/responses', authenticated: true },
    ]);
    expect(server.requests[0]?.body).not.toContain(KEY);
    expect(result.stderr).toContain('refused: nothing (1 request)');
    expect(result.stderr).toContain('secret used: OPENAI_API_KEY at api.openai.com, 1 request');

    const search = ['sh', '-c', `env; cat ~/.codex/auth.json; grep -rl ${KEY.slice(0, 20)} ~ /tmp "$PWD"; echo end`];
    const inside = await sandbox.run(['exec', 'socket', '--', ...search]);
    expect(inside.stdout).toMatch(/OPENAI_API_KEY=sk-proj-[0-9a-f]{32}\n/);
    expect(inside.stdout).toMatch(/"OPENAI_API_KEY": "sk-proj-[0-9a-f]{32}"\n\}\nend\n$/);
    expect(inside.stdout).not.toContain(KEY);
  },
  INSTALL_AND_RUN_MS,
);

test(
  'falls back to server-sent events where its WebSocket is refused',
  async () => {
    server = await startResponsesServer({ apiKey: KEY, commands: COMMANDS, websocket: false });
    await expectWork('events', await runCodex('events', server));
    const last = server.requests.at(-1);
    expect(last).toMatchObject({ transport: 'http', method: 'POST', path: '/v1/responses', authenticated: true });
  },
  INSTALL_AND_RUN_MS,
);

test(
  'starts at a terminal without a question about login or trust',
  async () => {
    server = await startResponsesServer({ apiKey: KEY, commands: ['echo typed > typed.txt'] });
    const terminal = await openTerminal(sandbox, sandbox.project('tty'));
    try {
      terminal.type(`OPENAI_API_KEY=${KEY} ic run codex --name tty --route ${server.route} -- 'write it down'`);
      await terminal.see(/Done\./);
      expect(terminal.screen()).not.toMatch(/sign in|log in|do you trust|update available/i);
      expect((await sandbox.run(['diff', 'tty', '--json'])).stdout).toContain('typed.txt');
      const record = (await sandbox.run(['audit', 'tty', '--json'])).records();
      expect(record).toContainEqual(expect.objectContaining({ rule: 'openai:responses-socket', decision: 'allow' }));
      // Codex has no setting that keeps it from asking for its announcements, and does without them.
      const refused = record.filter((entry) => JSON.stringify(entry).includes('"deny"'));
      expect(refused.every((entry) => JSON.stringify(entry).includes('announcement_tip.toml'))).toBe(true);
    } finally {
      terminal.close();
    }
  },
  INSTALL_AND_RUN_MS,
);
