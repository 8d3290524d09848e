// The examples of the library as a program of somebody else would have them: compiled in strict mode against the package’s own
// types, then run over real cages. The agent is the shell, whose prompt is a script.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/platform/processes.ts';
import { createWorld, startOrigin, type Origin } from '../integration/egress-rig.ts';
import { userGit } from '../support/repositories.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let sandbox: Sandbox;
let app: string;

beforeAll(() => {
  sandbox = openSandbox();
  app = join(sandbox.directory, 'app');
  mkdirSync(join(app, 'node_modules/@types'), { recursive: true });
  symlinkSync(ROOT, join(app, 'node_modules/ironcage'));
  symlinkSync(join(ROOT, 'node_modules/@types/node'), join(app, 'node_modules/@types/node'));
  cpSync(join(ROOT, 'examples/library'), join(app, 'src'), { recursive: true });
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
  const compilerOptions = {
    ...{ target: 'es2023', module: 'nodenext', types: ['node'], outDir: 'out', rootDir: 'src', noEmitOnError: true },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: true },
  };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
});
afterAll(() => sandbox.close());

function compile(): string {
  const compiler = join(ROOT, 'node_modules/typescript-native/bin/tsc');
  try {
    return execFileSync(process.execPath, [compiler], { cwd: app, encoding: 'utf8' });
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'stdout' in error) return String(error.stdout);
    throw error;
  }
}

async function example(name: string, ...args: string[]): Promise<string[]> {
  const ended = await run(process.execPath, [join(app, 'out', `${name}.js`), ...args], {
    env: sandbox.env,
    cwd: sandbox.directory,
  });
  const stdout = ended.stdout.toString();
  expect(ended.exitCode, `${stdout}\n${ended.stderr}`).toBe(0);
  return stdout.trimEnd().split('\n');
}

test('they compile against the types of the package, which are no guess', () => {
  const wrong = join(app, 'src/wrong.ts');
  writeFileSync(wrong, "import { launchRun } from 'ironcage';\nexport const agent: number = launchRun;\n");
  expect(compile()).toMatch(/^src\/wrong\.ts.*error TS2322/m);
  writeFileSync(wrong, 'export {};\n');
  expect(compile()).toBe('');
});

test('a run is followed to its end, its change is listed, and is on a branch', async () => {
  const project = sandbox.project('followed');
  const lines = await example('follow-a-run', project, 'shell', 'echo at work; echo new > new.txt; rm old.txt');
  expect(lines).toEqual([
    'at work',
    'done, exit code 0',
    'added new.txt',
    'deleted old.txt',
    'on the branch agent/task',
  ]);
  expect(userGit(project, 'show', 'agent/task:new.txt')).toBe('new\n');
  expect(userGit(project, 'status', '--porcelain')).toBe('');
});

test('functions decide what passes, and answer what the agent asks', async () => {
  const world = await createWorld();
  const arrived: string[] = [];
  const origin: Origin = await startOrigin(world, 'shop.example', (request, response) => {
    arrived.push(`${request.method} ${request.url}`);
    response.end('from the shop\n');
  });
  try {
    const authority = join(sandbox.directory, 'authority.pem');
    writeFileSync(authority, world.caPem);
    const script = [
      'curl -sS https://shop.example/prices',
      'curl -sS -o refused -X POST -d x=1 -w "%{http_code}\\n" https://shop.example/orders; rm refused',
      `cage-send question '{"text":"Which of the two?"}' >/dev/null`,
      'cage-wait --timeout 60 --type answer',
    ];
    const route = `shop.example=127.0.0.1:${origin.port},ca=${authority}`;
    const lines = await example('decide', sandbox.project('decided'), 'shell', script.join('\n'), route);
    expect(lines).toEqual(
      expect.arrayContaining([
        'once: GET https://shop.example/prices',
        'told: from the shop',
        'deny: POST https://shop.example/orders',
        'told: 403',
        'asked: Which of the two? answered: The second one.',
        expect.stringMatching(/^told: \{.*"text":"The second one\."/),
      ]),
    );
    expect(arrived).toEqual(['GET /prices']);
  } finally {
    await origin.close();
  }
});

test('several runs at once are compared, and their cages removed', async () => {
  const project = sandbox.project('several');
  const lines = await example('side-by-side', project, 'shell', 'echo one > one.txt', ': > README.md; exit 3');
  expect(lines).toEqual([
    'try-1: done, 1 files changed, 1 of 1 checks passed',
    'try-2: failed, 1 files changed, 0 of 1 checks passed',
    'changed in one of them: README.md',
    'changed in one of them: one.txt',
  ]);
  const left = (await sandbox.run(['list', '--json'])).stdout;
  expect(left).not.toContain('try-');
});
