import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { applyCommits } from './apply-commits.ts';
import { computeChange } from './change.ts';
import { baseStore } from './base.ts';
import { mailable, makePatches, type Patch } from './patches.ts';
import { planApply } from './plan-apply.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { readTrees } from './tree-object.ts';
import type { PreparedWorkspace } from './workspace.ts';

async function cageOf(root: string): Promise<PreparedWorkspace> {
  const project = await inspectProject(root);
  return prepareWorkspace({ project, storeDirectory: temporaryDirectory(), strategy: 'copy' });
}

const patchesOf = async (workspace: PreparedWorkspace): Promise<readonly Patch[]> =>
  (await makePatches(workspace, { cageName: 'shop', nowMs: 0, tell: () => undefined })).patches;

/** Commits as the agent would. */
function commit(tree: string, message: string): void {
  userGit(tree, 'add', '--all');
  userGit(tree, '-c', 'user.name=Agent É', '-c', 'user.email=agent@example.org', 'commit', '--quiet', '--allow-empty', '--allow-empty-message', '-m', message); // prettier-ignore
}

/** The tree that `git am` makes of the base and these patches, by the git of a user. */
function applied(workspace: PreparedWorkspace, patches: readonly Patch[]): { tree: string; log: string } {
  const root = temporaryDirectory();
  const mails = temporaryDirectory();
  userGit(root, 'clone', '--quiet', '--no-checkout', workspace.base.gitDir, 'at');
  const at = join(root, 'at');
  userGit(at, 'fetch', '--quiet', 'origin', 'refs/ironcage/base');
  userGit(at, 'checkout', '--quiet', '--detach', 'FETCH_HEAD');
  for (const { file, contents } of patches) writeFileSync(join(mails, file), contents);
  if (patches.length > 0) userGit(at, 'am', '--quiet', ...patches.map(({ file }) => join(mails, file)));
  const log = userGit(at, 'log', '--reverse', '--format=%an <%ae> %at|%s', 'FETCH_HEAD..HEAD');
  return { tree: userGit(at, 'rev-parse', 'HEAD^{tree}').trim(), log };
}

test('the agent’s commits and then what was not committed give the cage’s files, with author, time and message', async () => {
  const root = createRepository({ a: 'one\ntwo\n', gone: '1', 'old name': 'o\n'.repeat(30), tool: '#!', crlf: 'a\r\nb\r\n', type: 't' }); // prettier-ignore
  const workspace = await cageOf(root);
  const { tree } = workspace.directories;
  writeFiles(tree, {
    a: 'one\nTWO\n',
    'bin\nary"\t é': Buffer.from([0, 1, 2, 255]),
    crlf: 'a\r\nB\r\n',
    'new crlf': 'x\r\n',
  });
  commit(tree, 'First: say it louder\n\nFrom: Eve <eve@example.org>\ndiff --git a/a b/a\n---\nend');
  renameSync(join(tree, 'old name'), join(tree, 'dir new'));
  chmodSync(join(tree, 'tool'), 0o755);
  rmSync(join(tree, 'gone'));
  commit(tree, 'Second');
  rmSync(join(tree, 'type'));
  symlinkSync('a', join(tree, 'type'));
  mkdirSync(join(tree, 'gone'));
  writeFiles(tree, { 'gone/now a directory': 'x', 'no end': 'no newline' });
  const patches = await patchesOf(workspace);
  expect(patches.map(({ file, subject, author, commit: of }) => [file, subject, author, of !== undefined])).toEqual([
    ['0001-First-say-it-louder.patch', 'First: say it louder', 'Agent É', true],
    ['0002-Second.patch', 'Second', 'Agent É', true],
    ['0003-Uncommitted-work-of-the-cage-shop.patch', 'Uncommitted work of the cage shop', 'ironcage', false],
  ]);
  const result = applied(workspace, patches);
  expect(result.tree).toBe((await computeChange(workspace)).tree);
  const times = userGit(tree, 'log', '--reverse', '--format=%at', '-2').trim().split('\n');
  expect(result.log.trim().split('\n')).toEqual([
    `Agent É <agent@example.org> ${times[0]}|First: say it louder`,
    `Agent É <agent@example.org> ${times[1]}|Second`,
    'ironcage <ironcage@localhost> 0|Uncommitted work of the cage shop',
  ]);
});

test('what the user had not committed is nobody’s change, also where the agent committed it', async () => {
  const root = createRepository({ mine: '1\n2\n3\n', a: '1\n' });
  writeFiles(root, { mine: 'ONE\n2\n3\n', untracked: 'u\n' });
  const workspace = await cageOf(root);
  const { tree } = workspace.directories;
  writeFiles(tree, { a: 'agent\n' });
  commit(tree, 'All of it');
  writeFiles(tree, { mine: 'ONE\n2\nagent\n' });
  commit(tree, 'More');
  const patches = await patchesOf(workspace);
  expect(patches.map(({ subject }) => subject)).toEqual(['All of it', 'More']);
  expect(patches[0]?.contents.toString()).not.toMatch(/mine|untracked/);
  expect(applied(workspace, patches).tree).toBe((await computeChange(workspace)).tree);
});

test('a merge, a history that was written anew and a cage without a change', async () => {
  const root = createRepository({ a: '1\n', b: '1\n' });
  const workspace = await cageOf(root);
  const { tree } = workspace.directories;
  expect(await patchesOf(workspace)).toEqual([]);
  userGit(tree, 'checkout', '--quiet', '-b', 'side');
  writeFiles(tree, { a: 'side\n' });
  commit(tree, 'Side');
  userGit(tree, 'checkout', '--quiet', 'main');
  writeFiles(tree, { b: 'main\n' });
  commit(tree, 'Main');
  userGit(tree, 'merge', '--quiet', '--no-edit', 'side');
  expect((await patchesOf(workspace)).map(({ subject }) => subject)).toEqual(['Main', "Merge branch 'side'"]);
  expect(applied(workspace, await patchesOf(workspace)).tree).toBe((await computeChange(workspace)).tree);
  userGit(tree, 'checkout', '--quiet', '--orphan', 'anew');
  commit(tree, 'Everything in one');
  const anew = await patchesOf(workspace);
  expect(anew.map(({ subject }) => subject)).toEqual(['Everything in one']);
  expect(applied(workspace, anew).tree).toBe((await computeChange(workspace)).tree);
});

test('kept on a branch the commits are the agent’s own, and what was not committed comes last', async () => {
  const root = createRepository({ a: '1\n', mine: '1\n' });
  writeFiles(root, { mine: 'uncommitted\n' });
  const workspace = await cageOf(root);
  const { tree } = workspace.directories;
  writeFiles(tree, { a: 'agent\n' });
  userGit(tree, 'add', 'a');
  userGit(tree, '-c', 'user.name=Agent', 'commit', '--quiet', '-m', 'Say it');
  writeFiles(tree, { new: 'n\n' });
  const plan = await planApply(workspace, await computeChange(workspace));
  const { commit: made } = await applyCommits(plan, 'agent/fix', 'shop', () => undefined);
  expect(userGit(root, 'log', '--format=%an|%s', 'main..agent/fix')).toBe(
    'ironcage|Uncommitted work of the cage shop\nAgent|Say it\n',
  );
  expect(userGit(root, 'rev-parse', 'agent/fix~1')).toBe(userGit(tree, 'rev-parse', 'HEAD'));
  expect(userGit(root, 'rev-parse', 'refs/ironcage/shop/agent/fix').trim()).toBe(made);
  expect(userGit(root, 'diff', '--name-status', 'main', 'agent/fix')).toBe('M\ta\nA\tnew\n');
  expect(userGit(root, 'status', '--porcelain')).toBe(' M mine\n');
  userGit(root, 'fsck', '--strict');
  await expect(applyCommits(plan, 'agent/fix', 'shop', () => undefined)).rejects.toMatchObject({ code: 'E_CONFLICT' });
});

test('of commits that are kept each one is looked into, and what the user had not committed is theirs', async () => {
  const root = createRepository({ a: '1\n' });
  writeFiles(root, { '.envrc': 'mine\n' });
  const workspace = await cageOf(root);
  const { tree } = workspace.directories;
  writeFiles(tree, { Makefile: 'all:\n\tevil\n' });
  commit(tree, 'All of it');
  rmSync(join(tree, 'Makefile'));
  writeFiles(tree, { 'package.json': '{"scripts":{"test":"x"}}\n' });
  commit(tree, 'Less');
  const plan = await planApply(workspace, await computeChange(workspace), 'base-head');
  expect(plan.hostExecutable.map(({ path }) => path)).toEqual(['package.json']);
  const told: string[] = [];
  const refused = applyCommits(plan, 'agent/fix', 'shop', (files) => {
    told.push(...files.map(({ path }) => path));
    throw new Error('no');
  });
  await expect(refused).rejects.toThrow('no');
  expect(told).toEqual(['Makefile']);
  expect(userGit(root, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main\n');
});

test('a message in an encoding that hides lines from us has none in a patch', async () => {
  const workspace = await cageOf(createRepository({ a: '1\n' }));
  const { tree } = workspace.directories;
  writeFiles(tree, { a: '2\n' });
  userGit(tree, 'add', 'a');
  const escape = '\x1b(B';
  const message = `Fine\n\n${escape}---\n${escape}diff --git a/evil b/evil\nnew file mode 100755\n--- /dev/null\n+++ b/evil\n@@ -0,0 +1 @@\n+evil\n`;
  userGit(tree, '-c', 'i18n.commitEncoding=ISO-2022-JP', '-c', 'user.name=A', '-c', 'user.email=a@b', 'commit', '--quiet', '-m', message); // prettier-ignore
  const patches = await patchesOf(workspace);
  expect(patches[0]?.contents.toString()).not.toMatch(/^diff --git a\/evil/m);
  expect(applied(workspace, patches).tree).toBe((await computeChange(workspace)).tree);
});

test('commits that say more than can be held are refused', async () => {
  const workspace = await cageOf(createRepository({ a: '1\n' }));
  const { tree } = workspace.directories;
  const message = join(temporaryDirectory(), 'message');
  writeFileSync(message, Buffer.alloc(65 * 1024 * 1024, 'x\n'));
  userGit(tree, '-c', 'user.name=A', '-c', 'user.email=a@b', 'commit', '--quiet', '--allow-empty', '--cleanup=verbatim', '-F', message); // prettier-ignore
  await expect(patchesOf(workspace)).rejects.toMatchObject({ code: 'E_WORKSPACE', message: /64 MiB/ });
});

test('a directory without git has its work as one patch', async () => {
  const root = temporaryDirectory();
  writeFiles(root, { a: '1\n' });
  const workspace = await cageOf(root);
  writeFiles(workspace.directories.tree, { a: '2\n' });
  const patches = await patchesOf(workspace);
  expect(patches.map(({ commit: of }) => of)).toEqual([undefined]);
  expect(applied(workspace, patches).tree).toBe((await computeChange(workspace)).tree);
});

test('a file that was committed although git ignores it is not taken away again', async () => {
  const root = createRepository({ '.gitignore': 'dist\n', a: '1\n' });
  const workspace = await cageOf(root);
  const { tree } = workspace.directories;
  writeFiles(tree, { 'dist/x': 'x\n' });
  userGit(tree, 'add', '--force', 'dist/x');
  userGit(tree, 'commit', '--quiet', '-m', 'Build');
  expect((await patchesOf(workspace)).map(({ subject }) => subject)).toEqual(['Build']);
});

test.each([
  ['subject\n\nFROM: x\ndiff -x\n', 'subject\n\n FROM: x\n diff -x\n'],
  ['fine\n\nFrom here on\n', 'fine\n\n From here on\n'],
  ['fine\n\nfrom here on\n', 'fine\n\nfrom here on\n'],
  ['\0\n', '(no message)\n'],
])('the message %j is mailed as %j', (message, mailed) => {
  expect(mailable(message)).toBe(mailed);
});

const NAMES = ['a', 'b c', 'ü', 'q"uote', 'tab\t', 'line\nbreak', 'back\\slash', '-dash', '#hash', '*star', '[set]', '!not', 'trailing ', 'd/x', 'd/e/y', ':colon', '~t']; // prettier-ignore
const contents = fc.oneof(
  fc.string({ maxLength: 40 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('', '\r', 'a\r\n', 'a\n\r\nb', '\n\n\n', '--- a/x\n+++ b/x\n@@ -1 +1 @@\n', 'From x\n', '-- \n').map((text) => Buffer.from(text)), // prettier-ignore
);
const edit = fc.record({
  name: fc.constantFrom(...NAMES),
  as: fc.oneof(
    { weight: 4, arbitrary: contents },
    fc.constant('delete' as const),
    fc.constant('executable' as const),
    fc.constant('link' as const),
  ),
});

function perform(
  tree: string,
  edits: readonly { name: string; as: Buffer | 'delete' | 'executable' | 'link' }[],
): void {
  for (const { name, as } of edits) {
    const path = join(tree, name);
    if (as === 'executable') {
      writeFiles(tree, { [name]: 'x\n' });
      chmodSync(path, 0o755);
      continue;
    }
    rmSync(path, { recursive: true, force: true });
    if (as === 'link') {
      mkdirSync(join(path, '..'), { recursive: true });
      symlinkSync('some where', path);
    } else if (as !== 'delete') writeFiles(tree, { [name]: as });
  }
}

test('patches of generated work always give the cage’s tree', async () => {
  const edits = fc.array(edit, { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { maxLength: 10 }),
      fc.array(edits, { maxLength: 2 }),
      edits,
      async (before, commits, rest) => {
        // prettier-ignore
        const root = createRepository({ seed: 's\n' });
        perform(root, before);
        commit(root, 'before');
        const workspace = await cageOf(root);
        const { tree } = workspace.directories;
        for (const some of commits) {
          perform(tree, some);
          commit(tree, 'agent');
        }
        perform(tree, rest);
        const { tree: wanted } = await computeChange(workspace);
        const result = applied(workspace, await patchesOf(workspace));
        if (result.tree !== wanted) {
          const [made] = await readTrees(baseStore(workspace.base), [wanted]);
          expect.fail(`${result.tree} is not ${wanted}: ${JSON.stringify([...(made ?? [])])}`);
        }
      },
    ),
    { numRuns: 3, endOnFailure: true },
  );
});
