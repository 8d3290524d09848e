// A change that wants to run on the host: planted in a cage, brought over without its doubtful files, and tried with the user's own
// git. Beside it the same planted by hand in another project, where every trap closes.
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { userGit } from '../support/repositories.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const FILES = { 'README.md': 'one\n', 'src/a.js': 'a\n' };

let sandbox: Sandbox;
let project: string;
let control: string;
let marks: string;
let review: unknown;

/** Each trap leaves a mark of its own name when it closes. */
function planting(directory: string): string {
  const trap = (name: string): string => `touch ${directory}/${name}`;
  return `
    mkdir -p .git/hooks; printf '#!/bin/sh\\n${trap('hook')}\\n' > .git/hooks/post-commit; chmod +x .git/hooks/post-commit
    git config core.hooksPath .git/hooks; git config filter.evil.clean '${trap('filter')}; cat'
    printf '*.txt filter=evil\\n' > .gitattributes; echo x > plain.txt
    printf '[submodule "s"]\\n\\tpath = s\\n\\turl = ../x\\n\\tupdate = !${trap('submodule')}\\n' > .gitmodules
    mkdir -p docs/objects docs/refs; : > docs/objects/x; : > docs/refs/x; echo 'ref: refs/heads/x' > docs/HEAD
    printf '[core]\\n\\trepositoryformatversion = 0\\n\\tbare = false\\n\\tworktree = ..\\n\\tfsmonitor = ${trap('embedded')};\\n' > docs/config
    ln -s ${directory} out; ln -s .git/hooks hooks-link
    mkdir -p .Git/hooks 'git~1'; printf '#!/bin/sh\\n' > .Git/hooks/post-commit; echo x > 'git~1/config'; echo x > 'readme.MD'
    printf 'x' > "$(printf 'esc\\033]0;owned\\007')"; printf 'x' > "$(printf 'line\\nbreak')"
    echo 'export A=1' > .envrc; echo fine > src/fine.js
  `;
}

beforeAll(async () => {
  sandbox = openSandbox();
  project = sandbox.project('shop', FILES);
  control = sandbox.project('control', FILES);
  marks = join(sandbox.directory, 'marks');
  execFileSync('mkdir', ['-p', join(marks, 'cage'), join(marks, 'control')]);
  execFileSync('sh', ['-ec', planting(join(marks, 'control'))], { cwd: control });
  expect((await sandbox.run(['create', project, '--name', 'shop'])).exitCode).toBe(0);
  const planted = await sandbox.run(['exec', 'shop', '--', 'sh', '-ec', planting(join(marks, 'cage'))]);
  expect([planted.exitCode, planted.stderr]).toEqual([0, '']);
  review = (await sandbox.run(['review', 'shop', '--json'])).json();
  const applied = await sandbox.run(['apply', 'shop', '--yes', '--skip-host-executable', '--json']);
  expect(applied.exitCode).toBe(0);
  for (const root of [project, control]) {
    userGit(root, 'add', 'plain.txt', 'src');
    userGit(root, 'commit', '--quiet', '-m', 'second');
    if (existsSync(join(root, 'docs'))) userGit(join(root, 'docs'), 'status');
  }
});
afterAll(() => sandbox.close());

test('no program of the change runs on the host, and each would have', () => {
  expect(readdirSync(join(marks, 'control')).sort()).toEqual(['embedded', 'filter', 'hook']);
  expect(readdirSync(join(marks, 'cage'))).toEqual([]);
});

test('what is ordinary arrives, and nothing that leads out or means something else', () => {
  expect(existsSync(join(project, 'src/fine.js'))).toBe(true);
  expect(existsSync(join(project, 'plain.txt'))).toBe(true);
  for (const path of [
    '.gitattributes',
    '.gitmodules',
    'docs',
    'out',
    'hooks-link',
    '.Git',
    'git~1',
    '.envrc',
    'readme.MD',
  ]) {
    expect(existsSync(join(project, path)), path).toBe(false);
    expect(lstatSync(join(control, path), { throwIfNoEntry: false }), path).toBeDefined();
  }
});

test('the review names each trap with its class, and what git refuses by name', () => {
  const found = (path: string, findingClass: string, more: object = {}): unknown =>
    expect.objectContaining({
      path,
      decision: 'undecided',
      findings: expect.arrayContaining([expect.objectContaining({ class: findingClass, ...more })]),
    });
  expect(review).toMatchObject({
    files: expect.arrayContaining([
      found('.gitattributes', 'git-settings', { lines: [{ line: 1, text: '*.txt filter=evil' }] }),
      found('.gitmodules', 'git-settings'),
      found('docs/config', 'embedded-repository', { rank: 'critical' }),
      found('out', 'link-outside', { rank: 'critical' }),
      found('hooks-link', 'link-outside'),
      found('readme.MD', 'name-collision', { details: ['"README.md"'] }),
      found('line\nbreak', 'terminal-sequence'),
      found('.envrc', 'shell-environment'),
    ]),
    skipped: expect.arrayContaining([
      expect.objectContaining({ path: '.Git' }),
      expect.objectContaining({ path: 'git~1' }),
    ]),
  });
});

test('names and lines of the change steer no terminal', async () => {
  for (const args of [
    ['review', 'shop'],
    ['review', 'shop', '--json'],
    ['diff', 'shop'],
    ['apply', 'shop'],
  ]) {
    const { stdout, stderr } = await sandbox.run(args);
    expect(`${stdout}${stderr}`).not.toMatch(/\p{Cc}(?<!\n)/u);
  }
  // The control: the name does hold them.
  expect(readdirSync(control).some((name) => name.includes('\u001b'))).toBe(true);
});
