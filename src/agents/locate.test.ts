// Every layout is a real tree in a temporary directory, with the links and launchers that the package manager makes.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claude } from './claude.ts';
import { codex } from './codex.ts';
import { locateAgent } from './locate.ts';
import type { Machine } from './machine.ts';
import type { AgentProfile, AgentProgram } from './profile.ts';

const PACKAGE = '@anthropic-ai/claude-code';
const ELF = Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46]), Buffer.alloc(60)]);
// No system directory has a program of this name: what the test machine has installed cannot answer for the layout.
const agent: AgentProfile = { ...claude, program: 'claude-under-test' };
const machine: Machine = { platform: 'linux-x64', root: false, node: '/usr/bin/node' };

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ironcage-locate-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function put(path: string, content: string | Buffer, mode = 0o755): string {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

function link(path: string, target: string): void {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  symlinkSync(relative(dirname(file), join(home, target)), file);
}

/** The package as its own post-install step leaves it: the program is the native binary. */
function nativePackage(modules: string, version = '2.1.300'): string {
  put(`${modules}/${PACKAGE}/package.json`, JSON.stringify({ name: PACKAGE, version }));
  return put(`${modules}/${PACKAGE}/bin/claude.exe`, ELF);
}

function locate(path: string[] = [], environment: Record<string, string> = {}): AgentProgram | undefined {
  const directories = path.map((directory) => join(home, directory));
  return locateAgent(agent, { HOME: home, PATH: directories.join(':'), ...environment }, machine);
}

test('the native installer’s program is bound as that file alone', () => {
  const file = put('.local/share/claude/versions/2.1.310', ELF);
  link('.local/bin/claude-under-test', '.local/share/claude/versions/2.1.310');
  expect(locate()).toEqual({
    command: file,
    argv: [file],
    readOnly: [file],
    interpreter: 'native',
    version: '2.1.310',
    source: 'host',
  });
});

test.each([
  ['nvm', '.nvm/versions/node/v22.9.0', {}],
  ['fnm', '.local/share/fnm/node-versions/v22.9.0/installation', {}],
  ['asdf', '.asdf/installs/nodejs/22.9.0', {}],
  ['mise', '.local/share/mise/installs/node/22.9.0', {}],
  ['mise with its data elsewhere', 'elsewhere/installs/node/22.9.0', { MISE_DATA_DIR: 'elsewhere' }],
  ['nodenv', '.nodenv/versions/22.9.0', {}],
  ['an npm prefix in the home', '.npm-global', {}],
  ['volta', `.volta/tools/image/packages/${PACKAGE}`, {}],
])('what npm -g installed under %s is found although PATH does not name it', (_manager, prefix, variables) => {
  const file = nativePackage(`${prefix}/lib/node_modules`);
  link(`${prefix}/bin/claude-under-test`, `${prefix}/lib/node_modules/${PACKAGE}/bin/claude.exe`);
  const environment = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, join(home, value)]));
  expect(locate([], environment)).toMatchObject({ command: file, readOnly: [file], version: '2.1.300' });
});

test('the newest Node’s copy is taken when several have one', () => {
  for (const version of ['v9.11.0', 'v22.10.0', 'v22.9.0']) {
    nativePackage(`.nvm/versions/node/${version}/lib/node_modules`);
    link(
      `.nvm/versions/node/${version}/bin/claude-under-test`,
      `.nvm/versions/node/${version}/lib/node_modules/${PACKAGE}/bin/claude.exe`,
    );
  }
  expect(locate()?.command).toContain('/v22.10.0/');
});

test.each(['volta-shim', 'mise', 'asdf'])('a shim (%s) on PATH is passed over for the real program', (shim) => {
  put(`shims/${shim}`, ELF);
  link('shims/claude-under-test', `shims/${shim}`);
  const file = nativePackage('.npm-global/lib/node_modules');
  link('.npm-global/bin/claude-under-test', `.npm-global/lib/node_modules/${PACKAGE}/bin/claude.exe`);
  expect(locate(['shims'])?.command).toBe(file);
});

test.each([
  '#!/usr/bin/env bash\n# asdf-plugin: nodejs\nexec asdf exec "claude" "$@"\n',
  '#!/usr/bin/env bash\nexec /opt/asdf-vm/bin/asdf exec "claude" "$@" # asdf_allow: \' asdf \'\n',
  '#!/usr/bin/env bash\nprogram="${0##*/}"\nexec "/root/.nodenv/libexec/nodenv" exec "$program" "$@"\n',
])('a shim script alone is no agent: %j', (script) => {
  put('shims/claude-under-test', script);
  expect(locate(['shims'])).toBeUndefined();
});

test.each([
  ['a native program', `"$basedir/global/5/node_modules/${PACKAGE}/bin/claude.exe"   "$@"\nexit $?`],
  [
    'a script',
    `if [ -x "$basedir/node" ]; then
  exec "$basedir/node"  "$basedir/global/5/node_modules/${PACKAGE}/bin/claude.exe" "$@"
else
  exec node  "$basedir/global/5/node_modules/${PACKAGE}/bin/claude.exe" "$@"
fi`,
  ],
])('pnpm’s launcher for %s is followed to the program', (_what, lines) => {
  const file = nativePackage('.local/share/pnpm/global/5/node_modules');
  put(
    '.local/share/pnpm/claude-under-test',
    `#!/bin/sh\nbasedir=$(dirname "$(echo "$0" | sed -e 's,\\\\,/,g')")\n${lines}\n`,
  );
  expect(locate()?.command).toBe(file);
});

test('the older local installer’s launcher is followed, and of its configuration directory only the program is bound', () => {
  const file = nativePackage('.claude/local/node_modules');
  link('.claude/local/node_modules/.bin/claude', `.claude/local/node_modules/${PACKAGE}/bin/claude.exe`);
  put('.claude/.credentials.json', '{}', 0o600);
  put('.claude/local/claude-under-test', `#!/bin/bash\nexec "${home}/.claude/local/node_modules/.bin/claude" "$@"\n`);
  expect(locate()).toMatchObject({ command: file, readOnly: [file] });
});

test('a launcher that calls itself is no agent', () => {
  put('bin/claude-under-test', `#!/bin/sh\nexec "${home}/bin/claude-under-test" "$@"\n`);
  expect(locate(['bin'])).toBeUndefined();
});

test('where the post-install step did not run, the platform package’s program is used', () => {
  const modules = '.npm-global/lib/node_modules';
  put(`${modules}/${PACKAGE}/package.json`, JSON.stringify({ name: PACKAGE, version: '2.1.300' }));
  put(`${modules}/${PACKAGE}/bin/claude.exe`, 'echo "Error: claude native binary not installed." >&2\nexit 1\n');
  const file = put(`${modules}/${PACKAGE}-linux-x64/claude`, ELF);
  link('.npm-global/bin/claude-under-test', `${modules}/${PACKAGE}/bin/claude.exe`);
  expect(locate()?.command).toBe(file);
});

test('a program that needs what lies around it is bound with that, whether found by its launcher or by itself', () => {
  const codexUnderTest: AgentProfile = { ...codex, program: 'codex-under-test' };
  const modules = '.npm-global/lib/node_modules/@openai';
  put(`${modules}/codex/package.json`, JSON.stringify({ name: '@openai/codex', version: '0.169.0' }));
  put(`${modules}/codex/bin/codex.js`, '#!/usr/bin/env node\n');
  const vendor = `${modules}/codex-linux-x64/vendor/x86_64-unknown-linux-musl`;
  const manifest = { name: '@openai/codex', version: '0.169.0-linux-x64' };
  put(`${modules}/codex-linux-x64/package.json`, JSON.stringify(manifest));
  const file = put(`${vendor}/bin/codex`, ELF);
  for (const target of [`${modules}/codex/bin/codex.js`, `${vendor}/bin/codex`]) {
    rmSync(join(home, 'bin'), { recursive: true, force: true });
    link('bin/codex-under-test', target);
    const found = locateAgent(codexUnderTest, { HOME: home, PATH: join(home, 'bin') }, machine);
    expect(found).toMatchObject({ command: file, argv: [file], readOnly: [join(home, vendor)] });
  }
  put('lone/codex-under-test', ELF);
  const lone = locateAgent(codexUnderTest, { HOME: '', PATH: join(home, 'lone') }, machine);
  expect(lone?.readOnly).toEqual([join(home, 'lone/codex-under-test')]);
});

test('a package whose program is a script is bound whole, with the Node that runs it', () => {
  const modules = '.npm-global/lib/node_modules';
  put(`${modules}/${PACKAGE}/package.json`, JSON.stringify({ name: PACKAGE, version: '1.0.50' }));
  const file = put(`${modules}/${PACKAGE}/cli.js`, '#!/usr/bin/env node\n');
  link('.npm-global/bin/claude-under-test', `${modules}/${PACKAGE}/cli.js`);
  const node = put('node/bin/node', ELF);
  put('node/lib/node_modules/npm/package.json', '{}');
  const found = locateAgent(agent, { HOME: home, PATH: '' }, { ...machine, node });
  expect(found).toEqual({
    command: file,
    argv: [node, file],
    readOnly: [join(home, modules, PACKAGE), join(home, 'node/bin'), join(home, 'node/lib/node_modules/npm')],
    interpreter: 'node',
    version: '1.0.50',
    source: 'host',
  });
});

test('a script of some other package under the same name is no agent', () => {
  put('node_modules/other/package.json', JSON.stringify({ name: 'other', version: '1.0.0' }));
  put('node_modules/other/cli.js', '#!/usr/bin/env node\n');
  link('bin/claude-under-test', 'node_modules/other/cli.js');
  expect(locate(['bin'])).toBeUndefined();
});

test('a home that claims to be the agent’s package is never bound', () => {
  put('package.json', JSON.stringify({ name: PACKAGE, version: '9.9.9' }));
  put('bin/claude-under-test', '#!/usr/bin/env node\n');
  expect(locate(['bin'])).toBeUndefined();
});

test.each([
  ['a broken link', () => symlinkSync('nowhere', join(home, 'bin/claude-under-test'))],
  ['a link to itself', () => symlinkSync('claude-under-test', join(home, 'bin/claude-under-test'))],
  ['a directory', () => mkdirSync(join(home, 'bin/claude-under-test'))],
  ['an empty file', () => put('bin/claude-under-test', '')],
  ['a program that is not executable', () => put('bin/claude-under-test', ELF, 0o644)],
])('%s is passed over', (_what, make) => {
  mkdirSync(join(home, 'bin'));
  make();
  const file = put('later/claude-under-test', ELF);
  expect(locate(['bin', 'later'])?.command).toBe(file);
});

test('as root, a program that only root may read is passed over: the cage runs under another uid', () => {
  put('bin/claude-under-test', ELF, 0o700);
  const environment = { HOME: home, PATH: join(home, 'bin') };
  expect(locateAgent(agent, environment, { ...machine, root: true })).toBeUndefined();
  expect(locateAgent(agent, environment, machine)).toBeDefined();
});

test('an entry of PATH that is not absolute is not looked at', () => {
  put('claude-under-test', ELF);
  expect(locateAgent(agent, { HOME: '', PATH: relative(process.cwd(), home) }, machine)).toBeUndefined();
});

test('without HOME and PATH nothing is found and nothing fails', () => {
  expect(locateAgent(agent, {}, machine)).toBeUndefined();
});
