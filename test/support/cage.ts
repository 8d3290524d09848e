// A real cage for a test: a project of its own, a data root of its own, commands run inside with their output captured.
// Everything goes through the library; what runs as a program of its own comes from dist/.
import { chmodSync, mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/platform/files.ts';
import { commandFor, type ExecRequest } from '../../src/cage/enter.ts';
import type { CageOptions } from '../../src/cage/options.ts';
import { openSession } from '../../src/cage/session.ts';
import { readCageState } from '../../src/cage/store.ts';
import { createCage, openContext, removeCage, startCage, type Context } from '../../src/index.ts';
import type { EnterCommand } from '../../src/backends/backend.ts';
import { run } from '../../src/platform/processes.ts';
import { BACKEND, engineEnvironment, type TestBackend } from './backends.ts';
import { TEST_IMAGE } from './engines.ts';
import { writeFiles } from './repositories.ts';

function backendOptions(backend: TestBackend): Partial<CageOptions> {
  return backend === 'native' ? {} : { backend, image: TEST_IMAGE };
}

const NO_OPTIONS: CageOptions = { allow: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [] };

export interface CageRequest {
  /** Default: the one that the suite runs over. */
  backend?: TestBackend;
  /** Files of the project; default: one. */
  files?: Readonly<Record<string, string | Buffer>>;
  /** Called with the project before the cage is made. */
  prepare?: (project: string, context: Context) => void | Promise<void>;
  options?: Partial<CageOptions>;
  /** Name of the project's directory below the temporary one. */
  projectName?: string;
  /** Of another cage, whose data root and settings this one has as well; default: one of its own. */
  directory?: string;
  /** Added to the host's environment. */
  environment?: Readonly<Record<string, string>>;
}

export interface Captured {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  /** Standard output as it came. */
  bytes: Buffer;
}

export interface TestCage {
  context: Context;
  name: string;
  project: string;
  /** Holds the project, the data root and whatever a test puts beside them; gone with the cage. */
  directory: string;
  command(request: ExecRequest): Promise<EnterCommand>;
  /** The command line of the program itself, as a user would type it, and the environment for it. */
  ironcage: { argv: (...args: readonly string[]) => string[]; env: Readonly<Record<string, string>> };
  exec(argv: readonly string[], more?: InsideOptions): Promise<Captured>;
  /** A script for /bin/sh, by standard input. */
  sh(script: string, more?: Omit<InsideOptions, 'input'>): Promise<Captured>;
  /** A program for the machine's Python, by standard input. */
  python(program: string, more?: Omit<InsideOptions, 'input'>): Promise<Captured>;
  remove(): Promise<void>;
}

export interface InsideOptions extends Omit<ExecRequest, 'argv'> {
  input?: string | Buffer;
  args?: readonly string[];
  timeoutMs?: number;
}

const PYTHON = '/usr/bin/python3';
const TIMEOUT_MS = 60_000;
const PROGRAM = fileURLToPath(new URL('../../bin/ironcage.js', import.meta.url));
const HOST_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Makes a cage and starts it. */
export async function startTestCage(name: string, request: CageRequest = {}): Promise<TestCage> {
  const directory = request.directory ?? realpathSync(mkdtempSync(join(tmpdir(), 'ironcage-test-')));
  const isOurs = request.directory === undefined;
  // Its entries are protected by their own modes; a cage of root's runs as somebody who must not be stopped here.
  chmodSync(directory, 0o755);
  const project = join(directory, request.projectName ?? 'project');
  mkdirSync(project, { recursive: true });
  const environment = {
    ...{ PATH: HOST_PATH, HOME: join(directory, 'host-home'), LANG: 'C.UTF-8' },
    ...engineEnvironment(request.backend ?? BACKEND),
    ...request.environment,
  };
  const context = openContext({ home: join(directory, 'data'), environment, cwd: project });
  const discard = async (): Promise<void> => {
    await removeCage(context, name, { discard: true }).catch(() => undefined);
    if (isOurs) removeTree(directory, dirname(directory));
  };
  try {
    writeFiles(project, request.files ?? { 'README.md': 'a project\n' });
    await request.prepare?.(project, context);
    await createCage(context, project, {
      ...NO_OPTIONS,
      ...backendOptions(request.backend ?? BACKEND),
      name,
      ...request.options,
    });
    await startCage(context, name);
  } catch (error) {
    await discard();
    throw error;
  }
  const command = async (exec: ExecRequest): Promise<EnterCommand> => {
    const state = readCageState(context, name);
    if (state.phase !== 'running') throw new Error(`the cage is ${state.phase}`);
    return commandFor(await openSession(context, name), state, exec, false);
  };
  const exec = async (argv: readonly string[], more: InsideOptions = {}): Promise<Captured> => {
    const { program, args, env, cwd, endLeftOver } = await command({
      argv: [...argv, ...(more.args ?? [])],
      cwd: more.cwd,
      env: more.env,
    });
    return capture(program, args, env, { ...more, cwd }).finally(() => endLeftOver?.());
  };
  return {
    context,
    name,
    project,
    directory,
    command,
    ironcage: {
      argv: (...args) => [process.execPath, PROGRAM, ...args],
      env: { ...environment, IRONCAGE_HOME: context.dataRoot },
    },
    exec,
    sh: (script, more) => exec(['/bin/sh', '-s', '--'], { ...more, input: script }),
    python: (program, more) => exec([PYTHON, '-'], { ...more, input: program }),
    async remove() {
      await removeCage(context, name, { discard: true });
      if (isOurs) removeTree(directory, dirname(directory));
    },
  };
}

/** The same on the host, as whoever runs the test: what proves that a probe can succeed at all. */
export const onHost = {
  exec: (argv: readonly string[], more: InsideOptions = {}): Promise<Captured> => {
    const [program = '', ...args] = [...argv, ...(more.args ?? [])];
    return capture(program, args, { PATH: HOST_PATH, ...more.env }, more);
  },
  sh: (script: string, more: Omit<InsideOptions, 'input'> = {}): Promise<Captured> =>
    onHost.exec(['/bin/sh', '-s', '--'], { ...more, input: script }),
  python: (program: string, more: Omit<InsideOptions, 'input'> = {}): Promise<Captured> =>
    onHost.exec([PYTHON, '-'], { ...more, input: program }),
};

async function capture(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  more: InsideOptions,
): Promise<Captured> {
  const result = await run(program, args, {
    env,
    cwd: more.cwd,
    input: more.input,
    timeoutMs: more.timeoutMs ?? TIMEOUT_MS,
  });
  if (result.timedOut) throw new Error(`${program} did not end in time; it wrote: ${result.stderr.slice(-500)}`);
  return {
    exitCode: result.signal === null ? result.exitCode : 128 + constants.signals[result.signal],
    stdout: result.stdout.toString('utf8').trimEnd(),
    stderr: result.stderr.trimEnd(),
    bytes: result.stdout,
  };
}
