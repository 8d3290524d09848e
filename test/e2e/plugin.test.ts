// The plugin in the hands it is made for: the real Claude Code on the host, with a scripted model, loads it, follows its skills and
// delegates by the command line to the real Claude Code in a cage, whose model is another script. The work comes back on a branch.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claude } from '../../src/agents/claude.ts';
import { ensureAgent } from '../../src/agents/ensure.ts';
import { run } from '../../src/platform/processes.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { userGit } from '../support/repositories.ts';
import { openSandbox, PROGRAM, type Sandbox } from '../support/sandbox.ts';

const PLUGIN = fileURLToPath(new URL('../../plugin', import.meta.url));
const KEY = 'sk-ant-api03-the-real-one-5f4dcc3b5aa765d61d8327deb882cf99';

let sandbox: Sandbox;
let inner: ModelServer;
let outer: ModelServer;
/** What the tools of the outer agent have answered, as its model was told. */
let answers: readonly string[] = [];

beforeAll(async () => {
  sandbox = openSandbox();
  const question = JSON.stringify({ text: 'Which of the two?' });
  const complete = JSON.stringify({ summary: 'It is made.', exit_code: 0 });
  inner = await startModelServer({
    apiKey: KEY,
    script: [
      { tools: [bash(`cage-send question '${question}' && cage-wait --timeout 90 --type answer > answer.txt`)] },
      { tools: [bash(`cage-send task_complete '${complete}'`)] },
      { text: 'Done as answered.' },
    ],
  });
  const authority = join(sandbox.directory, 'inner.pem');
  writeFileSync(authority, inner.caPem);
  const prompt = join(sandbox.directory, 'prompt.md');
  writeFileSync(prompt, 'Ask which of the two, and write down the answer.\n');
  const route = `api.anthropic.com=127.0.0.1:${inner.port},ca=${authority}`;
  outer = await startModelServer({
    apiKey: KEY,
    host: 'localhost',
    script: [
      { tools: [{ name: 'Skill', input: { skill: 'ironcage:delegate' } }] },
      { tools: [bash(`ironcage create --agent claude --name worker --route ${route}`)] },
      { tools: [bash(`ironcage launch worker --agent claude --prompt-file ${prompt} --background`)] },
      { tools: [bash('ironcage outbox worker --poll --timeout 100 --json')] },
      { tools: [bash(`ironcage inbox worker answer '{"text":"The second one."}'`)] },
      { tools: [bash('ironcage outbox worker --poll --timeout 100 --json')] },
      { tools: [{ name: 'Skill', input: { skill: 'ironcage:take-over' } }] },
      { tools: [bash('ironcage apply worker --branch agent/answer --yes')] },
      { tools: [bash('ironcage rm worker -y')] },
      (results) => {
        answers = results;
        return { text: 'It is on the branch agent/answer.' };
      },
    ],
  });
  writeFileSync(join(sandbox.directory, 'outer.pem'), outer.caPem);
});
afterAll(async () => {
  await sandbox?.close();
  await inner?.close();
  await outer?.close();
});

function bash(command: string) {
  return { name: 'Bash', input: { command, description: 'Next step' } };
}

test('an outer Claude Code delegates by the plugin, answers, and takes the work over', async () => {
  const project = sandbox.project('shop');
  const programs = join(sandbox.directory, 'programs');
  mkdirSync(programs);
  symlinkSync(PROGRAM, join(programs, 'ironcage'));
  const { argv } = await ensureAgent(claude, join(sandbox.dataRoot, 'agents'), {
    environment: sandbox.env,
    progress: () => undefined,
  });
  const [program = '', ...first] = argv;
  const args = ['-p', 'Delegate it.', '--plugin-dir', PLUGIN, '--allowedTools', 'Skill,Bash(ironcage:*)'];
  const ended = await run(program, [...first, ...args], {
    cwd: project,
    env: {
      ...sandbox.env,
      ...claude.env,
      PATH: `${programs}:${sandbox.env['PATH'] ?? ''}`,
      ANTHROPIC_API_KEY: KEY,
      ANTHROPIC_BASE_URL: `https://localhost:${outer.port}`,
      NODE_EXTRA_CA_CERTS: join(sandbox.directory, 'outer.pem'),
    },
  });
  const told = answers.join('\n---\n');
  expect(ended.stdout.toString(), `${ended.stderr}\n${told}`).toContain('It is on the branch agent/answer.');

  // Its model was given the text of each skill that it called for.
  const bodies = outer.requests.map(({ body }) => body).join('\n');
  expect(bodies).toContain('# Delegate work to an agent in a cage');
  expect(bodies).toContain('# Take over what an agent in a cage has done');
  expect(told).toContain('Which of the two?');
  expect(told).toContain('It is made.');
  expect(userGit(project, 'show', 'agent/answer:answer.txt'), told).toContain('The second one.');
  expect(userGit(project, 'status', '--porcelain')).toBe('');
  expect((await sandbox.run(['list', '--json'])).stdout).not.toContain('worker');
});
