// The catalogue by examples: each row has one at least, and files that only look alike are left in peace.
import { expect, test } from 'vitest';
import { fromText } from './byte-path.ts';
import { CATALOGUE, catalogueEntries, entriesBelow } from './catalogue.ts';

/** Path, class, and a word of what triggers it. */
const EXAMPLES: readonly (readonly [path: string, findingClass: string, trigger: string])[] = [
  ['.husky/pre-commit', 'git-hook', 'core.hooksPath'],
  ['.githooks/post-merge', 'git-hook', 'core.hooksPath'],
  ['tools/hooks/pre-commit', 'git-hook', 'one of its hooks'],
  ['lefthook.yml', 'git-hook', 'lefthook'],
  ['.lefthook-local.toml', 'git-hook', 'lefthook'],
  ['.pre-commit-config.yaml', 'git-hook', 'pre-commit'],
  ['.lintstagedrc.json', 'git-hook', 'hook manager'],
  ['lint-staged.config.mjs', 'git-hook', 'hook manager'],
  ['docs/.gitattributes', 'git-settings', 'git'],
  ['.gitmodules', 'git-settings', 'git'],
  ['.gitconfig', 'git-settings', 'git'],
  ['.lfsconfig', 'git-settings', 'git-lfs'],
  ['.git-blame-ignore-revs', 'git-settings', 'git blame'],
  ['.mailmap', 'git-settings', 'git log'],
  ['sub/.vscode/tasks.json', 'editor', 'Visual Studio Code'],
  ['.VSCode/Settings.json', 'editor', 'Visual Studio Code'],
  ['shop.code-workspace', 'editor', 'Visual Studio Code'],
  ['.devcontainer/devcontainer.json', 'editor', 'the editor'],
  ['.devcontainer.json', 'editor', 'the editor'],
  ['.idea/workspace.xml', 'editor', 'JetBrains'],
  ['.vs/tasks.vs.json', 'editor', 'Visual Studio'],
  ['.zed/tasks.json', 'editor', 'Zed'],
  ['.settings/org.eclipse.prefs', 'editor', 'Eclipse'],
  ['shop.sublime-project', 'editor', 'Sublime'],
  ['.nvim.lua', 'editor', 'Neovim'],
  ['.exrc', 'editor', 'vim'],
  ['.vimrc', 'editor', 'vim'],
  ['notes.txt', 'editor', 'modeline'],
  ['.dir-locals.el', 'editor', 'Emacs'],
  ['notes.org', 'editor', 'local variables'],
  ['.editorconfig', 'editor', 'editors'],
  ['.clangd', 'editor', 'language servers'],
  ['packages/a/tsconfig.build.json', 'editor', 'TypeScript'],
  ['analysis.ipynb', 'editor', 'Jupyter'],
  ['Shop.desktop', 'editor', 'the desktop'],
  ['.envrc', 'shell-environment', 'direnv'],
  ['.autoenv.zsh', 'shell-environment', 'autoenv'],
  ['.env.local', 'shell-environment', 'dotenv'],
  ['.bashrc', 'shell-environment', 'a shell'],
  ['flake.nix', 'shell-environment', 'nix'],
  ['shell.nix', 'shell-environment', 'nix'],
  ['.mise.toml', 'toolchain', 'mise'],
  ['.tool-versions', 'toolchain', 'asdf'],
  ['.nvmrc', 'toolchain', 'nvm'],
  ['.rvmrc', 'toolchain', 'rvm'],
  ['rust-toolchain.toml', 'toolchain', 'rustup'],
  ['.hermit/node', 'toolchain', 'corepack'],
  ['packages/a/package.json', 'package-script', 'npm'],
  ['.npmrc', 'package-script', 'npm'],
  ['.pnpmfile.cjs', 'package-script', 'pnpm'],
  ['pnpm-workspace.yaml', 'package-script', 'pnpm'],
  ['.yarnrc.yml', 'package-script', 'yarn'],
  ['.yarn/releases/yarn-4.0.0.cjs', 'package-script', 'yarn'],
  ['bunfig.toml', 'package-script', 'bun'],
  ['deno.jsonc', 'package-script', 'deno'],
  ['native/binding.gyp', 'package-script', 'node-gyp'],
  ['turbo.json', 'package-script', 'monorepo'],
  ['composer.json', 'package-script', 'composer'],
  ['.bowerrc', 'package-script', 'bower'],
  ['package-lock.json', 'dependency', 'package manager'],
  ['requirements-dev.txt', 'dependency', 'pip'],
  ['Cargo.toml', 'dependency', 'cargo'],
  ['Cargo.lock', 'dependency', 'cargo'],
  ['go.mod', 'dependency', 'go'],
  ['Gemfile', 'dependency', 'bundler'],
  ['pubspec.yaml', 'dependency', 'another package manager'],
  ['Makefile', 'build-file', 'make'],
  ['rules.mk', 'build-file', 'make'],
  ['justfile', 'build-file', 'just'],
  ['Taskfile.yml', 'build-file', 'task'],
  ['Rakefile', 'build-file', 'rake'],
  ['gulpfile.js', 'build-file', 'gulp'],
  ['Brewfile', 'build-file', 'brew'],
  ['vite.config.ts', 'build-file', 'JavaScript'],
  ['.eslintrc.cjs', 'build-file', 'JavaScript'],
  ['CMakePresets.json', 'build-file', 'cmake'],
  ['app/build.gradle.kts', 'build-file', 'gradle'],
  ['gradlew', 'build-file', 'gradle'],
  ['gradle/wrapper/gradle-wrapper.properties', 'build-file', 'gradle'],
  ['.mvn/extensions.xml', 'build-file', 'maven'],
  ['MODULE.bazel', 'build-file', 'bazel'],
  ['.bazelrc', 'build-file', 'bazel'],
  ['.cargo/config.toml', 'build-file', 'cargo'],
  ['build.rs', 'build-file', 'cargo'],
  ['.golangci.yml', 'build-file', 'golangci-lint'],
  ['gen.go', 'build-file', 'go generate'],
  ['lib.go', 'build-file', 'cgo'],
  ['Directory.Build.props', 'build-file', 'msbuild'],
  ['pyproject.toml', 'build-file', 'pip'],
  ['setup.py', 'build-file', 'pip'],
  ['App.xcodeproj/project.pbxproj', 'build-file', 'Xcode'],
  ['mix.exs', 'build-file', 'mix'],
  ['.latexmkrc', 'build-file', 'TeX'],
  ['.rubocop.yml', 'build-file', 'linter'],
  ['tests/conftest.py', 'test-setup', 'pytest'],
  ['tox.ini', 'test-setup', 'tox'],
  ['.rspec', 'test-setup', 'rspec'],
  ['sitecustomize.py', 'interpreter-start', 'python'],
  ['evil.pth', 'interpreter-start', 'python'],
  ['json.py', 'interpreter-start', 'python'],
  ['random/__init__.py', 'interpreter-start', 'python'],
  ['.gdbinit', 'interpreter-start', 'debugger'],
  ['Dockerfile', 'container', 'docker'],
  ['compose.override.yml', 'container', 'compose'],
  ['Vagrantfile', 'container', 'Vagrant'],
  ['main.tf', 'infrastructure', 'terraform'],
  ['ansible.cfg', 'infrastructure', 'ansible'],
  ['kustomization.yaml', 'infrastructure', 'kubernetes'],
  ['.github/workflows/ci.yml', 'ci', 'GitHub Actions'],
  ['.gitlab-ci.yml', 'ci', 'GitLab'],
  ['Jenkinsfile', 'ci', 'Jenkins'],
  ['.circleci/config.yml', 'ci', 'CircleCI'],
  ['azure-pipelines.yml', 'ci', 'Azure'],
  ['.buildkite/pipeline.yml', 'ci', 'Buildkite'],
  ['CODEOWNERS', 'ci', 'forge'],
  ['CLAUDE.md', 'agent-instructions', 'agent'],
  ['pkg/AGENTS.md', 'agent-instructions', 'agent'],
  ['GEMINI.md', 'agent-instructions', 'agent'],
  ['.cursorrules', 'agent-instructions', 'agent'],
  ['deploy/SKILL.md', 'agent-instructions', 'agent'],
  ['.github/copilot-instructions.md', 'agent-instructions', 'Copilot'],
  ['.cursorignore', 'agent-instructions', 'agent'],
  ['.claude/settings.json', 'agent-settings', 'Claude Code'],
  ['.claude/skills/deploy/run.sh', 'agent-settings', 'Claude Code'],
  ['.mcp.json', 'agent-settings', 'agent'],
  ['.codex/config.toml', 'agent-settings', 'Codex'],
  ['.gemini/settings.json', 'agent-settings', 'Gemini'],
  ['.cursor/mcp.json', 'agent-settings', 'Cursor'],
  ['.windsurf/rules/x.md', 'agent-settings', 'Windsurf'],
  ['opencode.json', 'agent-settings', 'opencode'],
  ['.ironcage.toml', 'agent-settings', 'ironcage'],
];

test.each(EXAMPLES)('%s is %s, by %s', (path, findingClass, trigger) => {
  const found = catalogueEntries(fromText(path));
  expect(found.map((entry) => `${entry.class}: ${entry.trigger}`)).toEqual(
    expect.arrayContaining([expect.stringMatching(new RegExp(`^${findingClass}: .*${trigger}`))]),
  );
});

test('every row has an example', () => {
  const seen = new Set(EXAMPLES.flatMap(([path]) => catalogueEntries(fromText(path))));
  expect(CATALOGUE.filter((entry) => !seen.has(entry)).map(({ trigger, files }) => `${trigger}: ${files[0]}`)).toEqual(
    [],
  );
});

test('every pattern of every row finds what it stands for, at the root and below', () => {
  for (const entry of CATALOGUE) {
    for (const pattern of entry.files) {
      expect(pattern, 'patterns are in lower case').toBe(pattern.toLowerCase());
      const sample = `${pattern.replaceAll('*', 'x')}${pattern.endsWith('/') ? 'file' : ''}`.replace(/^\//, '');
      const places = pattern.startsWith('/') ? [sample] : [sample, `deep/er/${sample}`];
      for (const path of places) expect(catalogueEntries(fromText(path)), path).toContain(entry);
    }
  }
});

test.each([
  ['.ENVRC', '.envrc'],
  ['.env\u200crc', '.envrc'],
  ['.envrc. ', '.envrc'],
  ['.envrc::$DATA', '.envrc'],
  ['.vſcode/tasks.json', '.vscode/tasks.json'],
  ['.github/work\uFB02ows/a.yml', '.github/workflows/a.yml'],
])('%j is taken for what it is elsewhere', (path, plain) => {
  expect(catalogueEntries(fromText(path))).toEqual(catalogueEntries(fromText(plain)));
});

test.each([
  'src/index.ts',
  'README.md',
  'docs/makefile-guide.md',
  'src/claude/notes.txt',
  'vscode/tasks.json',
  'a/build.rs.txt',
  'src/json.py',
])('%s is an ordinary file, unless its text says otherwise', (path) =>
  expect(catalogueEntries(fromText(path)).filter((entry) => entry.holding === undefined)).toEqual([]),
);

test.each([
  ['.husky', 'git-hook'],
  ['sub/.VSCode', 'editor'],
  ['.github', 'ci'],
  ['.github/workflows', 'ci'],
  ['random', 'interpreter-start'],
])('a link that is called %s brings what is %s', (path, findingClass) => {
  expect(entriesBelow(fromText(path)).map((entry) => entry.class)).toContain(findingClass);
});

test.each(['src', 'sub/random', 'husky', 'workflows'])('a link that is called %s brings nothing', (path) => {
  expect(entriesBelow(fromText(path))).toEqual([]);
});

test('no text makes the search for telling lines slow', () => {
  const bytes = 100_000;
  for (const pattern of CATALOGUE.flatMap(({ holding, telling }) => [holding, telling])) {
    const words = pattern?.source.match(/[a-z:*-]{3,}/gi) ?? [];
    const started = process.cpuUsage();
    for (const word of new Set([...words, 'aaaa', ' ', '"', 'a-']))
      pattern?.test(`"${word.repeat(bytes / word.length)}`);
    // One unbounded repetition behind a word takes several times that.
    expect(process.cpuUsage(started).user / 1000, String(pattern)).toBeLessThan(2000);
  }
});
