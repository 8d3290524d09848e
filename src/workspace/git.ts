// How this room calls git. A project's own settings can name programs to run (hooks, fsmonitor, filters, pagers, transports):
// every call goes through here, with an environment of our own and settings that switch all of them off.
// Nothing here may inherit a GIT_* variable or talk to a network.
import { join } from 'node:path';
import { hostEnvironment } from '../platform/environment.ts';
import { IronError } from '../platform/errors.ts';
import { Companion } from '../platform/companion.ts';
import { run, runInto, type PieceWriter } from '../platform/processes.ts';

export interface GitCall {
  /** Repository to work on; always explicit, so that git neither searches for one nor judges its owner. */
  gitDir?: string | undefined;
  workTree?: string | undefined;
  indexFile?: string | undefined;
  cwd?: string | undefined;
  input?: string | Uint8Array | undefined;
  /** Exit codes that are answers. Default: only 0. */
  accept?: readonly number[] | undefined;
  /** Further variables; may not loosen what is set here. */
  extraEnv?: Readonly<Record<string, string>> | undefined;
}

export interface GitAnswer {
  exitCode: number;
  stdout: Buffer;
}

/** Values by key in lower case, the last of several. */
export type GitSettings = ReadonlyMap<string, string>;

const HARDENING: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.untrackedCache=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.protectHFS=true',
  'core.protectNTFS=true',
  'core.quotePath=false',
  'core.ignoreCase=false',
  'core.fileMode=true',
  'core.symlinks=true',
  'core.autocrlf=false',
  'core.safecrlf=false',
  'core.preloadIndex=true',
  'core.commitGraph=false',
  'commit.gpgSign=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'protocol.allow=never',
  'safe.directory=*',
  'submodule.recurse=false',
  'diff.external=',
];

const HARDENING_ARGS = HARDENING.flatMap((setting) => ['-c', setting]);

export async function git(args: readonly string[], call: GitCall = {}): Promise<GitAnswer> {
  const result = await run('git', [...HARDENING_ARGS, ...args], { ...surroundings(call), input: call.input });
  if (result.exitCode === null || !(call.accept ?? [0]).includes(result.exitCode)) {
    throw gitFailure(args, result.stderr, result.signal);
  }
  return { exitCode: result.exitCode, stdout: result.stdout };
}

/** For what may be longer than memory: nothing of it is held. */
export async function gitInto(args: readonly string[], call: GitCall, write: PieceWriter): Promise<void> {
  const result = await runInto('git', [...HARDENING_ARGS, ...args], surroundings(call), write);
  if (!result.stopped && result.exitCode !== 0) throw gitFailure(args, result.stderr, result.signal);
}

function surroundings(call: GitCall): { cwd: string; env: Record<string, string | undefined> } {
  return {
    cwd: call.cwd ?? call.workTree ?? '/',
    env: {
      ...call.extraEnv,
      PATH: hostEnvironment()['PATH'],
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_ATTR_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_NO_LAZY_FETCH: '1',
      GIT_NO_REPLACE_OBJECTS: '1',
      GIT_LITERAL_PATHSPECS: '1',
      GIT_DIR: call.gitDir,
      GIT_WORK_TREE: call.workTree,
      GIT_INDEX_FILE: call.indexFile,
    },
  };
}

/** A git that answers on its pipes until it is ended. */
export function openGit(args: readonly string[], call: Pick<GitCall, 'gitDir'>): Companion {
  const ended = (stderr: string, signal: NodeJS.Signals | null): IronError => gitFailure(args, stderr, signal);
  return new Companion('git', [...HARDENING_ARGS, ...args], { ...surroundings(call), ended });
}

/** The same as `git`, for a single line of text. */
export async function gitLine(args: readonly string[], call: GitCall = {}): Promise<string> {
  return (await git(args, call)).stdout.toString('utf8').trim();
}

/**
 * Reads settings as the user's own git would see them (system, global, repository), because ignore files and the
 * author's name are theirs. `git config --list` only reads.
 */
export async function readEffectiveConfig(gitDir: string | undefined): Promise<GitSettings> {
  const host = hostEnvironment();
  const result = await run('git', ['config', '--list', '--includes', '-z'], {
    cwd: '/',
    env: {
      PATH: host['PATH'],
      HOME: host['HOME'],
      XDG_CONFIG_HOME: host['XDG_CONFIG_HOME'],
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      // Without a repository git would search from the working directory upwards.
      GIT_DIR: gitDir ?? '/dev/null',
    },
  });
  if (result.exitCode !== 0) throw gitFailure(['config', '--list'], result.stderr, result.signal);
  return parseConfigList(result.stdout);
}

/** The file a user's setting names (`core.excludesFile`), or git's default for it below the user's config directory. */
export function userConfigFile(
  settings: GitSettings,
  key: 'core.excludesfile' | 'core.attributesfile',
): string | undefined {
  const host = hostEnvironment();
  const home = host['HOME'];
  const named = settings.get(key);
  if (named !== undefined && named !== '') {
    if (named.startsWith('~/')) return home === undefined ? undefined : join(home, named.slice(2));
    return named.startsWith('/') ? named : undefined;
  }
  const configHome = host['XDG_CONFIG_HOME'] ?? (home === undefined ? undefined : join(home, '.config'));
  return configHome && join(configHome, 'git', key === 'core.excludesfile' ? 'ignore' : 'attributes');
}

/** Parses `git config --list -z`: `key LF value NUL`; the last of several values wins, a key without a value is `true`. */
export function parseConfigList(output: Buffer): Map<string, string> {
  const settings = new Map<string, string>();
  for (const entry of output.toString('utf8').split('\0')) {
    if (entry === '') continue;
    const end = entry.indexOf('\n');
    if (end < 0) settings.set(entry, 'true');
    else settings.set(entry.slice(0, end), entry.slice(end + 1));
  }
  return settings;
}

function gitFailure(args: readonly string[], stderr: string, signal: NodeJS.Signals | null): IronError {
  const verb = args.find((argument) => !argument.startsWith('-')) ?? 'git';
  const said = stderr.trim().split('\n').slice(0, 4).join('; ');
  const missingObject =
    /(unable to read|bad object|missing (blob|tree|object)|invalid object|not a valid object)/i.test(said);
  return new IronError('E_WORKSPACE', {
    message: `git ${verb} failed`,
    because: signal === null ? said : `it was ended by ${signal}`,
    hint: missingObject
      ? 'objects of the project are gone (git gc or prune?); export what is in the cage by hand and make a new cage'
      : 'check that git works in the project (git status, git fsck), then run the command again',
    details: { verb },
  });
}
