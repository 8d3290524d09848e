// The package as npm delivers it, installed in the ways people install programs: what it needs lies beside it, below it or
// behind a link, and a cage starts all the same.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VERSION = String(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version);

let sandbox: Sandbox;
let project: string;
let tarball: string;
beforeAll(() => {
  sandbox = openSandbox();
  project = sandbox.project('p');
  npm(ROOT, 'pack', '--silent', '--ignore-scripts', '--pack-destination', sandbox.directory);
  tarball = join(sandbox.directory, readdirSync(sandbox.directory).find((name) => name.endsWith('.tgz')) ?? '');
});
afterAll(() => sandbox.close());

function npm(cwd: string, ...args: string[]): void {
  execFileSync('npm', args, { cwd, env: { ...hostEnvironment() }, stdio: 'pipe' });
}

/** Runs an installed program by its own path, as a shell would find it. */
function runProgram(program: string, ...args: string[]): string {
  const env = { ...sandbox.env, PATH: `${join(process.execPath, '..')}:${sandbox.env['PATH'] ?? ''}` };
  return execFileSync(program, args, { cwd: project, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Starts a cage from an installation, and sees that its egress answers. */
function expectWorkingCage(program: string): void {
  expect(runProgram(program, '--version')).toBe(`${VERSION}\n`);
  const inside = 'echo inside; curl -s -o /dev/null -w "%{http_code}\\n" https://a.example/';
  expect(runProgram(program, 'run', 'shell', '--', 'sh', '-c', inside)).toBe('inside\n403\n');
}

test('the package holds what it needs at run time and nothing else', () => {
  const names = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
  for (const name of [
    'bin/ironcage.js',
    'dist/bin/main.js',
    'dist/bin/THIRD-PARTY-LICENSES.txt',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/guest/probe.mjs',
    'dist/backends/native/hold.sh',
    'plugin/.claude-plugin/plugin.json',
    'plugin/skills/delegate/SKILL.md',
    'LICENSE',
  ]) {
    expect(names).toContain(`package/${name}`);
  }
  expect(names.filter((name) => /^package\/(src|test|examples|scripts|node_modules)\/|\.test\./.test(name))).toEqual(
    [],
  );
});

describe('installed', () => {
  test('into a project, with what it needs beside it and one package of another version there', () => {
    const directory = join(sandbox.directory, 'local');
    mkdirSync(directory);
    // An older one at the top makes npm put ours below the package, apart from the others.
    writeFileSync(
      join(directory, 'package.json'),
      JSON.stringify({ private: true, dependencies: { commander: '9.5.0' } }),
    );
    npm(directory, 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball);
    expect(readdirSync(join(directory, 'node_modules'))).toEqual(expect.arrayContaining(['zod', 'commander']));
    expect(readdirSync(join(directory, 'node_modules/ironcage/node_modules'))).toContain('commander');
    expectWorkingCage(join(directory, 'node_modules/.bin/ironcage'));
    const library = `import('ironcage').then((library) => console.log(typeof library.runAgent, typeof library.openContext))`;
    const loaded = execFileSync(process.execPath, ['-e', library], { cwd: directory, encoding: 'utf8' });
    expect(loaded).toBe('function function\n');
  });

  test('globally, and through a link of one’s own', () => {
    const prefix = join(sandbox.directory, 'global');
    npm(
      sandbox.directory,
      'install',
      '--global',
      '--prefix',
      prefix,
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      tarball,
    );
    expectWorkingCage(join(prefix, 'bin/ironcage'));
    expect(runProgram(join(prefix, 'bin/ic'), 'version')).toBe(`${VERSION}\n`);
    const link = join(sandbox.directory, 'my-ironcage');
    symlinkSync(join(prefix, 'bin/ironcage'), link);
    expectWorkingCage(link);
  });
});

test('the file of --env-file is not read by node for ironcage itself', () => {
  const evil = join(sandbox.directory, 'evil.cjs');
  writeFileSync(evil, `require('node:fs').writeFileSync(${JSON.stringify(join(sandbox.directory, 'ran'))}, '')`);
  writeFileSync(join(project, 'project.env'), `NODE_OPTIONS="--require ${evil}"\nCOLOUR=red\n`);
  const program = join(sandbox.directory, 'global/bin/ironcage');
  const printed = runProgram(
    program,
    'run',
    'shell',
    '--new',
    '--rm',
    '--env-file',
    'project.env',
    '--',
    'printenv',
    'COLOUR',
  );
  expect(printed).toBe('red\n');
  expect(readdirSync(sandbox.directory)).not.toContain('ran');
});
