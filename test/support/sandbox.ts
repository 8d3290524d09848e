// The built program as a user runs it: real processes over a data root, a home and projects of the test's own. Whatever a
// test leaves running is found and reported when the sandbox closes.
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { processesNaming } from './processes.ts';
import { userGit, writeFiles } from './repositories.ts';

export const PROGRAM = fileURLToPath(new URL('../../bin/ironcage.js', import.meta.url));

export interface CliResult {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** The one JSON document on stdout. */
  json(): unknown;
  /** The JSON documents on stdout, one a line. */
  records(): unknown[];
  /** The JSON document on the last line of stderr: an error, or the summary of a run. */
  told(): unknown;
}

interface CliOptions {
  cwd?: string | undefined;
  /** Text on stdin, which then ends. Default: it has ended already. */
  input?: string | undefined;
  /** Stdin stays open, for the test to write to and to end. */
  keepInput?: boolean | undefined;
  /** In addition to the sandbox's own environment. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /** A host command line that the program is put behind: another namespace, another shell. */
  behind?: readonly string[] | undefined;
  /** Absolute path of the Node that runs the program. Default: the one that runs the tests. */
  node?: string | undefined;
}

export interface Sandbox {
  directory: string;
  dataRoot: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Runs `ironcage ARGS` to its end. */
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** The same without waiting; the child leads no group of its own. */
  start(
    args: readonly string[],
    options?: CliOptions,
  ): { child: ChildProcessWithoutNullStreams; result: Promise<CliResult> };
  /** A git project with one commit of `files`, directly below the sandbox. */
  project(name: string, files?: Readonly<Record<string, string>>): string;
  /** Processes of this sandbox's cages, as `PID COMMAND`. */
  processes(): string[];
  /** Removes every cage and the files; throws when a process of a cage outlives that. */
  close(): Promise<void>;
}

const FILES = { 'README.md': 'one\ntwo\nthree\n', 'src/a.js': 'export const a = 1;\n', 'old.txt': 'old\n' };

export function openSandbox(): Sandbox {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ironcage-e2e-')));
  const dataRoot = join(directory, 'data');
  const home = join(directory, 'home');
  mkdirSync(home);
  const { PATH } = hostEnvironment();
  const env = { PATH, HOME: home, LANG: 'C.UTF-8', TMPDIR: tmpdir(), IRONCAGE_HOME: dataRoot };

  const start: Sandbox['start'] = (args, options = {}) => {
    const [program = '', ...rest] = [
      ...(options.behind ?? []),
      options.node ?? process.execPath,
      '--',
      PROGRAM,
      ...args,
    ];
    const child = spawn(program, rest, { cwd: options.cwd ?? directory, env: { ...env, ...options.env } });
    // A command that does not read its input may be gone before it is written.
    child.stdin.on('error', () => undefined);
    if (options.keepInput !== true) child.stdin.end(options.input);
    const result = collect(child).then((ended) => {
      note(args, ended);
      return ended;
    });
    return { child, result };
  };
  const run: Sandbox['run'] = (args, options) => start(args, options).result;
  return {
    directory,
    dataRoot,
    env,
    start,
    run,
    project(name, files = FILES) {
      const root = join(directory, name);
      mkdirSync(root);
      userGit(root, 'init', '--quiet');
      writeFiles(root, files);
      userGit(root, 'add', '--all');
      userGit(root, 'commit', '--quiet', '--allow-empty', '-m', 'first');
      return root;
    },
    processes: () => processesNaming(dataRoot),
    async close() {
      const names = namesOf((await run(['list', '--json'])).json());
      if (names.length > 0) await run(['rm', '-y', '--discard', ...names]);
      const left = processesNaming(dataRoot);
      rmSync(directory, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`left running: ${left.join('; ')}`);
    },
  };
}

const MOST_NOTED = 20;
const noted: string[] = [];

function note(args: readonly string[], { exitCode, signal, stderr }: CliResult): void {
  const said = stderr === '' ? '' : `\n${stderr.slice(-2000)}`;
  noted.push(`ironcage ${args.join(' ')}: ${exitCode ?? signal}${said}`);
  if (noted.length > MOST_NOTED) noted.shift();
}

/** The last commands of this file's tests, each with its end and what it said on stderr: told once. */
export function lastCommands(): string[] {
  return noted.splice(0);
}

/** Collects what a child prints until it and everything that holds its pipes has ended. */
function collect(child: ChildProcess): Promise<CliResult> {
  return new Promise((ended, failed) => {
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', failed);
    child.once('close', (exitCode, signal) =>
      ended({
        exitCode,
        signal,
        stdout,
        stderr,
        json: () => parse(stdout, stderr),
        records: () => linesOf(stdout).map((line) => parse(line, stderr)),
        told: () => parse(linesOf(stderr).at(-1) ?? '', stderr),
      }),
    );
  });
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function parse(text: string, stderr: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`no JSON: ${text}\nstderr: ${stderr}`);
  }
}

function namesOf(cages: unknown): string[] {
  if (!Array.isArray(cages)) return [];
  return cages.map((cage: unknown) =>
    typeof cage === 'object' && cage !== null && 'name' in cage ? String(cage.name) : '',
  );
}

/** Polls until `condition` holds; the only way a test of real processes waits. Long enough for a machine with much else to do. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 90_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain for: ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}
