// The guard over whole changes of real trees: what names do together, and decisions that hold for exact contents.
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { computeChange } from './change.ts';
import type { HostExecutableFile } from './guard-change.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { decideFiles, rememberDecisions, type DecidedFile, type Decision } from './review-decisions.ts';
import { workspaceDirectory } from './workspace.ts';

async function cageOf(files: Readonly<Record<string, string>>) {
  const project = await inspectProject(createRepository(files));
  const workspace = await prepareWorkspace({ project, storeDirectory: temporaryDirectory(), strategy: 'copy' });
  const { tree } = workspace.directories;
  return { workspace, tree, review: async () => (await computeChange(workspace)).hostExecutable };
}

const classes = (files: readonly HostExecutableFile[]): Record<string, string[]> =>
  Object.fromEntries(files.map(({ path, reasons }) => [path, reasons.map((finding) => finding.class)]));

test('names that are one file on a lenient file system are named with each other and with what is there', async () => {
  const { tree, review } = await cageOf({ 'README.md': '1', 'src/a.ts': '1' });
  writeFiles(tree, {
    'readme.MD': 'x',
    'SRC/b.ts': 'x',
    'new/one': 'x',
    'new/ONE': 'y',
    'e\u0301': '1',
    '\u00e9': '2',
  });
  const found = await review();
  expect(classes(found)).toEqual({
    'readme.MD': ['name-collision'],
    'SRC/b.ts': ['name-collision'],
    'new/one': ['name-collision'],
    'new/ONE': ['name-collision'],
    'e\u0301': ['name-collision'],
    '\u00e9': ['name-collision'],
  });
  expect(found.find(({ path }) => path === 'SRC/b.ts')?.reasons[0]?.details).toEqual(['"src"']);
});

test('the first file of a change is looked at also where nothing of it can be read', async () => {
  const { tree, review } = await cageOf({ '.gitattributes': '* text\n', '.envrc': '1', z: '1' });
  rmSync(join(tree, '.gitattributes'));
  expect(classes(await review())).toEqual({ '.gitattributes': ['git-settings'] });
  writeFiles(tree, { '.gitattributes': '* text\n', '.envrc': `true\n${'# so long\n'.repeat(600_000)}` });
  expect(classes(await review())).toEqual({ '.envrc': ['shell-environment', 'hidden-unicode'] });
  writeFiles(tree, { '.envrc': '' });
  expect(classes(await review())).toEqual({ '.envrc': ['shell-environment'] });
});

test('a file that git on this machine runs by its own settings, hooks or links is named, whatever it is called', async () => {
  const { workspace, tree, review } = await cageOf({ 'tools/git/lib': '1', 'bin/check': '1', 'bin/called': '1', 'bin/clean': '1', other: '1' }); // prettier-ignore
  const root = workspace.projectRoot;
  symlinkSync('../../bin/check', join(root, '.git/hooks/pre-push'));
  writeFileSync(join(root, '.git/hooks/commit-msg'), '#!/bin/sh\nexec ./bin/called "$@"\n');
  userGit(root, 'config', 'filter.x.clean', 'sh bin/clean %f');
  for (const path of ['tools/git/lib', 'bin/check', 'bin/called', 'bin/clean', 'other'])
    writeFiles(tree, { [path]: '2\n' });
  const named = { 'bin/called': ['git-hook'], 'bin/check': ['git-hook'], 'bin/clean': ['git-hook'] };
  expect(classes(await review())).toEqual(named);
  userGit(root, 'config', 'core.hooksPath', 'tools/git');
  expect(classes(await review())).toEqual({ 'bin/clean': ['git-hook'], 'tools/git/lib': ['git-hook'] });
  userGit(root, 'config', 'core.hooksPath', '/dev/null/none');
  userGit(root, 'config', 'alias.go', '!./other --now');
  expect(classes(await review())).toEqual({ 'bin/clean': ['git-hook'], other: ['git-hook'] });
});

test('names that stand for something else on another system are named', async () => {
  const { tree, review } = await cageOf({ a: '1' });
  writeFiles(tree, {
    'aux.c': '1',
    'CLAUDE~1.MD': '1',
    'dot.': '1',
    'a:b': '1',
    'x\\y': '1',
    '-rf': '1',
    'fine~': '1',
    'console.ts': '1',
  });
  expect(Object.keys(classes(await review())).sort()).toEqual(
    ['-rf', 'CLAUDE~1.MD', 'a:b', 'aux.c', 'dot.', 'x\\y'].sort(),
  );
});

test('a directory that git takes for a repository is named with all that completes it', async () => {
  const { tree, review } = await cageOf({
    'fixture/config': '[core]\n\tfsmonitor = touch /tmp/x\n',
    'fixture/refs/x': '1',
  });
  writeFiles(tree, { 'fixture/HEAD': 'ref: refs/heads/x\n' });
  expect(await review()).toEqual([]);
  writeFiles(tree, { 'fixture/objects/x': '1', 'w/HEAD': 'x', 'w/commondir': '/evil' });
  // The control: git itself obeys what it finds there.
  expect(userGit(join(tree, 'fixture'), 'config', 'core.fsmonitor')).toContain('touch');
  expect(classes(await review())).toEqual({
    'fixture/HEAD': ['embedded-repository'],
    'fixture/objects/x': ['embedded-repository'],
    'w/HEAD': ['embedded-repository'],
    'w/commondir': ['embedded-repository'],
  });
});

test('links that lead out are named, one through another as well', async () => {
  const { tree, review } = await cageOf({ 'a/b/file': '1' });
  symlinkSync('a/b/file', join(tree, 'fine'));
  symlinkSync('a/b', join(tree, 'dir'));
  symlinkSync('dir/../../secret', join(tree, 'through'));
  symlinkSync('/etc/passwd', join(tree, 'absolute'));
  symlinkSync('.git/config', join(tree, 'into'));
  expect(classes(await review())).toEqual({
    absolute: ['link-outside'],
    into: ['link-outside'],
    through: ['link-outside'],
  });
});

test('a link is followed by its text through links of the project, wherever they lie', async () => {
  const { workspace, tree } = await cageOf({ 'a/b/c': '1', plain: '1' });
  for (const root of [workspace.projectRoot, tree]) {
    symlinkSync('/etc', join(root, 'a/system'));
    symlinkSync('..', join(root, 'a/b/up'));
    symlinkSync('loop', join(root, 'loop'));
    writeFiles(root, { 'far/away/x': '1' });
    symlinkSync('../../plain', join(root, 'far/away/CLAUDE.md'));
  }
  userGit(workspace.projectRoot, 'add', '--all');
  const project = await inspectProject(workspace.projectRoot);
  const own = await prepareWorkspace({ project, storeDirectory: temporaryDirectory(), strategy: 'copy' });
  const at = own.directories.tree;
  const reviewed = async () => classes((await computeChange(own)).hostExecutable);
  expect(await reviewed()).toEqual({});
  symlinkSync('a/system/passwd', join(at, 'out'));
  symlinkSync('out', join(at, 'further'));
  symlinkSync('a/b/up/b/c', join(at, 'fine'));
  symlinkSync('loop/x', join(at, 'round'));
  const links = { out: ['link-outside'], further: ['link-outside'], round: ['link-outside'] };
  expect(await reviewed()).toEqual(links);
  writeFiles(at, { plain: 'do evil\n' });
  expect(await reviewed()).toEqual({ ...links, plain: ['agent-instructions'] });
});

test('a link is followed through links that git ignores in the project, as they lie there', async () => {
  const { workspace, tree, review } = await cageOf({ '.gitignore': 'node_modules\n', 'a/b': '1' });
  const { projectRoot: root } = workspace;
  mkdirSync(join(root, 'node_modules'));
  symlinkSync('../a', join(root, 'node_modules/inside'));
  symlinkSync('/etc', join(root, 'node_modules/outside'));
  symlinkSync('node_modules/inside/b', join(tree, 'fine'));
  symlinkSync('node_modules/outside/passwd', join(tree, 'evil'));
  expect(classes(await review())).toEqual({ evil: ['link-outside'] });
});

test('an ordinary file is named by what a link makes of it', async () => {
  const { tree, review } = await cageOf({ 'notes/agents.txt': '1', 'tools/run': '1', 'tools/other': '1', plain: '1' });
  symlinkSync('two', join(tree, 'CLAUDE.md'));
  symlinkSync('notes/agents.txt', join(tree, 'two'));
  symlinkSync('tools', join(tree, '.husky'));
  writeFiles(tree, { 'notes/agents.txt': 'do evil\n', 'tools/run': '2', plain: '2' });
  const found = await review();
  expect(classes(found)).toEqual({
    '.husky': ['git-hook'],
    'CLAUDE.md': ['agent-instructions'],
    'notes/agents.txt': ['agent-instructions'],
    'tools/run': ['git-hook'],
    two: ['agent-instructions'],
  });
  expect(found.find(({ path }) => path === 'notes/agents.txt')?.reasons[0]).toMatchObject({
    details: ['by the link CLAUDE.md'],
    lines: [{ line: 1, text: 'do evil' }],
  });
});

test('a file that becomes one of the catalogue by its new name, its mode or as a link is named', async () => {
  const { tree, review } = await cageOf({ notes: 'export A=1\n'.repeat(20), tool: '#!/bin/sh\n' });
  renameSync(join(tree, 'notes'), join(tree, '.envrc'));
  chmodSync(join(tree, 'tool'), 0o755);
  symlinkSync('tool', join(tree, 'Makefile'));
  expect(classes(await review())).toEqual({
    '.envrc': ['shell-environment'],
    Makefile: ['build-file'],
    tool: ['build-file', 'new-executable'],
  });
  expect((await review()).find(({ path }) => path === '.envrc')?.reasons[0]).toMatchObject({
    lines: [{ line: 1, text: 'export A=1' }, { line: 2 }, { line: 3 }, { line: 4 }, { line: 5 }],
    moreLines: 15,
  });
});

function take(files: readonly DecidedFile[], decision: Decision, of: (finding: string) => boolean): DecidedFile[] {
  return files.map((file) => ({
    ...file,
    reasons: file.reasons.map((finding) => (of(finding.class) ? { ...finding, decision } : finding)),
  }));
}

test('a decision holds for the contents that it was taken for, and for nothing else', async () => {
  const { workspace, tree, review } = await cageOf({ a: '1' });
  writeFiles(tree, { '.envrc': 'export A=1\n', 'run\u200b.sh': 'x' });
  chmodSync(join(tree, 'run\u200b.sh'), 0o755);
  const decisions = async (): Promise<unknown> =>
    decideFiles(workspace, await review()).map(({ decision }) => decision);
  const decided = async (decision: Decision, of: (finding: string) => boolean): Promise<void> =>
    rememberDecisions(workspace, take(decideFiles(workspace, await review()), decision, of));
  expect(await decisions()).toEqual(['undecided', 'undecided']);
  await decided('accepted', (of) => of !== 'hidden-unicode');
  // The executable was accepted, its hidden name was not.
  expect(await decisions()).toEqual(['accepted', 'undecided']);
  await decided('left-out', (of) => of === 'hidden-unicode');
  expect(await decisions()).toEqual(['accepted', 'left-out']);
  writeFileSync(join(tree, '.envrc'), 'export A=2\n');
  expect(await decisions()).toEqual(['undecided', 'left-out']);
  writeFileSync(join(tree, '.envrc'), 'export A=1\n');
  chmodSync(join(tree, '.envrc'), 0o755);
  expect(await decisions()).toEqual(['undecided', 'left-out']);
  chmodSync(join(tree, '.envrc'), 0o644);
  expect(await decisions()).toEqual(['accepted', 'left-out']);
});

test('decisions that cannot be read are an error, not a yes', async () => {
  const { workspace, tree, review } = await cageOf({ a: '1' });
  writeFiles(tree, { '.envrc': '1' });
  const file = join(workspaceDirectory(workspace.storeDirectory), 'review.json');
  const found = await review();
  for (const text of ['', '{', '{"version":2,"decisions":{}}', '{"version":1,"decisions":{"x":"yes"}}', '[]']) {
    writeFileSync(file, text);
    expect(() => decideFiles(workspace, found)).toThrow('cannot be read');
  }
  rmSync(file);
  expect(decideFiles(workspace, found)).toMatchObject([{ decision: 'undecided' }]);
});
