import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromText } from './byte-path.ts';
import { countHidden } from './hidden-unicode.ts';
import { hostExecutableReasons, staysInside } from './host-executable.ts';
import type { TreeDifference } from './tree-diff.ts';

function file(path: string, parts: Partial<TreeDifference> = {}): TreeDifference {
  return {
    path, change: 'modified', insertions: 1, deletions: 0, binary: false, hostExecutable: false,
    bytes: { path: fromText(path), from: undefined }, before: { mode: '100644', oid: '1' }, after: { mode: '100644', oid: '2' }, ...parts,
  }; // prettier-ignore
}

function kinds(path: string, after = 'text', before = 'text', parts: Partial<TreeDifference> = {}): string[] {
  const contents = { before: Buffer.from(before), after: Buffer.from(after), tooLarge: false };
  return hostExecutableReasons(file(path, parts), contents).map((reason) => reason.kind);
}

test.each([
  ['.envrc', 'shell-environment'],
  ['sub/.vscode/tasks.json', 'editor'],
  ['.VSCode/Settings.json', 'editor'],
  ['.idea/workspace.xml', 'editor'],
  ['.devcontainer/devcontainer.json', 'editor'],
  ['Makefile', 'build-file'],
  ['justfile', 'build-file'],
  ['Taskfile.yml', 'build-file'],
  ['.npmrc', 'package-script'],
  ['.pnpmfile.cjs', 'package-script'],
  ['binding.gyp', 'package-script'],
  ['setup.py', 'build-file'],
  ['pyproject.toml', 'build-file'],
  ['tests/conftest.py', 'test-setup'],
  ['sitecustomize.py', 'interpreter-start'],
  ['evil.pth', 'interpreter-start'],
  ['build.rs', 'build-file'],
  ['.cargo/config.toml', 'build-file'],
  ['gradlew', 'build-file'],
  ['app/build.gradle.kts', 'build-file'],
  ['.mvn/extensions.xml', 'build-file'],
  ['.mise.toml', 'toolchain'],
  ['.tool-versions', 'toolchain'],
  ['lefthook.yml', 'git-hook'],
  ['.husky/pre-commit', 'git-hook'],
  ['.pre-commit-config.yaml', 'git-hook'],
  ['.githooks/post-merge', 'git-hook'],
  ['docs/.gitattributes', 'git-settings'],
  ['.gitmodules', 'git-settings'],
  ['.github/workflows/ci.yml', 'ci'],
  ['.gitlab-ci.yml', 'ci'],
  ['Jenkinsfile', 'ci'],
  ['CMakePresets.json', 'build-file'],
  ['Dockerfile', 'container'],
  ['compose.override.yml', 'container'],
  ['CLAUDE.md', 'agent-instructions'],
  ['pkg/AGENTS.md', 'agent-instructions'],
  ['.claude/settings.json', 'agent-settings'],
  ['.mcp.json', 'agent-settings'],
  ['.cursor/mcp.json', 'agent-settings'],
  ['.github/copilot-instructions.md', 'agent-instructions'],
])('%s is named as %s', (path, kind) => {
  expect(kinds(path)).toContain(kind);
});

test.each([
  'src/index.ts',
  'README.md',
  'docs/makefile-guide.md',
  'src/claude/notes.txt',
  'vscode/tasks.json',
  'a/build.rs.txt',
])('%s is an ordinary file', (path) => expect(kinds(path)).toEqual([]));

test('a package.json counts when what runs or is installed differs, or when it cannot be read', () => {
  const plain = '{"name":"a","scripts":{"test":"x"},"description":"d"}';
  expect(kinds('package.json', plain.replace('"d"', '"e"'), plain)).toEqual([]);
  expect(kinds('package.json', plain.replace('"x"', '"evil"'), plain)).toEqual(['package-script']);
  expect(kinds('package.json', '{"dependencies":{"a":"1"}}', '{}')).toEqual(['package-script']);
  expect(kinds('package.json', '{', plain)).toEqual(['package-script']);
});

test('a new executable, a link out of the tree and hidden characters are named', () => {
  expect(kinds('tool', 'x', 'x', { after: { mode: '100755', oid: '2' } })).toEqual(['new-executable']);
  expect(kinds('link', '../..', '', { after: { mode: '120000', oid: '2' } })).toEqual(['link-outside']);
  expect(kinds('a.ts', 'if (admin\u202e) {}', '')).toEqual(['hidden-unicode']);
  expect(kinds('a.ts', 'x\n\u202ea\n', '\u202ea\n')).toEqual([]);
  expect(kinds('a.ts', 'moved \u202e\n', '\u202ea\n')).toEqual(['hidden-unicode']);
  expect(kinds('a\u200bb.ts')).toEqual(['hidden-unicode']);
  expect(kinds('gone', '', '', { after: undefined })).toEqual([]);
});

test('a text that is too large to look into is named', () => {
  const contents = { before: undefined, after: undefined, tooLarge: true };
  expect(hostExecutableReasons(file('big.txt'), contents)).toHaveLength(1);
});

test.each([
  ['a/link', '../b', true],
  ['a/link', '../../b', false],
  ['link', '/etc/passwd', false],
  ['link', '.git/config', false],
  ['a/link', '../.GIT/hooks', false],
  ['a/b/link', './c/../../d', true],
  ['link', 'a/../../x', false],
])('the link %s to %s stays inside: %s', (path, target, expected) => {
  expect(staysInside(path, target)).toBe(expected);
});

test('emoji, flags and a byte order mark are ordinary text', () => {
  const flag = String.fromCodePoint(0x1f3f4, 0xe0067, 0xe0062, 0xe0065, 0xe006e, 0xe0067, 0xe007f);
  expect(countHidden(`\ufeffhello 👩‍💻 👨‍👩‍👧 ${flag} ümläut`)).toBe(0);
  expect(countHidden(`a${String.fromCodePoint(0xe0041)}b\u200bc`)).toBe(2);
});

test('no text of any kind makes the guard fail', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => countHidden(Buffer.from(bytes).toString('utf8')) >= 0));
});
