// Where cages lie on disk, and who may change one: one directory and one lock per cage.
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { IronError, systemErrorCode, toIronError } from '../platform/errors.ts';
import { makeDirectory, pathExists, readTextIfPresent } from '../platform/files.ts';
import { isSealed, writeSealedFile } from '../platform/sealed-file.ts';
import { withLock } from '../platform/locks.ts';
import type { Context } from './context.ts';
import { parseCageName } from './names.ts';
import { readState, writeState, type CageState } from './state.ts';
import type { CageSpec } from './spec.ts';

export interface CagePaths {
  /** Also the store directory of the project's workspace. */
  root: string;
  /** Below it those of further directories, by their names. */
  dirs: string;
  spec: string;
  state: string;
  home: string;
  tmp: string;
  /** What inside and outside hand one another; hostile. */
  bus: string;
  /** Records of runs, out of the cage's reach. */
  runs: string;
  /** Journal of the messages and what has been read of it, out of the cage's reach. */
  messages: string;
  /** Holds the clone that is its project, where it was made from a URL. */
  source: string;
  /** Notes of the commands that are attached. */
  occupants: string;
  run: string;
  /** Digest of what its container was made from. */
  container: string;
  /** Texts about it that were too long to be told. */
  reports: string;
  egress: { ca: string; audit: string; control: string };
}

export function cagesDirectory(context: Context): string {
  return join(context.dataRoot, 'cages');
}

export function cagePaths(context: Context, name: string): CagePaths {
  const root = join(cagesDirectory(context), parseCageName(name));
  return {
    root,
    dirs: `${root}/dirs`,
    source: `${root}/source`,
    spec: `${root}/spec.json`,
    state: `${root}/state.json`,
    home: `${root}/home`,
    tmp: `${root}/tmp`,
    bus: `${root}/bus`,
    runs: `${root}/runs`,
    messages: `${root}/messages`,
    occupants: `${root}/occupants`,
    run: `${root}/run`,
    container: `${root}/container.digest`,
    reports: `${root}/reports`,
    egress: { ca: `${root}/egress/ca`, audit: `${root}/egress/audit`, control: `${root}/egress/control` },
  };
}

/** Makes the data root; it holds secrets and other people must not look into it. */
export function openDataRoot(context: Context): void {
  makeDirectory(cagesDirectory(context));
  // It may be a link, whose own mode says nothing; where that leads must be nobody else's choice either.
  const { mode, uid } = statSync(context.dataRoot);
  const owners = [uid, lstatSync(context.dataRoot).uid];
  if ((mode & 0o022) !== 0 || owners.some((owner) => owner !== process.getuid?.() && owner !== 0)) {
    throw new IronError('E_PROTECTION', {
      message: `the data root ${context.dataRoot} can be changed by other users`,
      hint: `chmod 700 ${context.dataRoot}, or choose another with --home`,
    });
  }
}

export async function withCageLock<T>(context: Context, name: string, work: () => Promise<T>): Promise<T> {
  openDataRoot(context);
  const path = join(cagesDirectory(context), `.${parseCageName(name)}.lock`);
  return withLock(path, { what: `cage ${name}` }, work);
}

/** Whether anything of that name is there, whole or not. */
export function cageExists(context: Context, name: string): boolean {
  return pathExists(cagePaths(context, name).root);
}

/** Throws E_NO_CAGE when there is none, E_SPEC_BROKEN when its spec cannot be read. */
export async function readSpec(context: Context, name: string): Promise<CageSpec> {
  const { spec } = cagePaths(context, name);
  const text = readTextIfPresent(spec);
  if (text === undefined && !hasSpec(context, name)) throw noSuchCage(name);
  if (text !== undefined && isSealed(spec, text)) {
    const own: CageSpec = JSON.parse(text);
    if (own.name === name) return own;
  }
  const { parseSpec } = await import('./spec.ts');
  return parseSpec(text ?? '', spec, name);
}

/** Whether a cage of that name should have a spec: it is neither in the making nor being removed. */
function hasSpec(context: Context, name: string): boolean {
  if (!cageExists(context, name)) return false;
  const { phase } = readCageState(context, name);
  return phase !== 'creating' && phase !== 'removing';
}

export function noSuchCage(name: string): IronError {
  return new IronError('E_NO_CAGE', {
    message: `there is no cage ${name}`,
    hint: '`ironcage list` shows the cages; `ironcage create --name NAME` makes one',
  });
}

export function writeSpec(context: Context, spec: CageSpec): void {
  writeSealedFile(cagePaths(context, spec.name).spec, `${JSON.stringify(spec, undefined, 2)}\n`);
}

export function readCageState(context: Context, name: string): CageState {
  const paths = cagePaths(context, name);
  // The spec is the last thing that creation writes.
  return readState(paths.state, pathExists(paths.spec));
}

export function writeCageState(context: Context, name: string, state: CageState): void {
  writeState(cagePaths(context, name).state, state);
}

/**
 * Writes a state that only says in advance what the cage's processes or files will show: a full disk must not keep anybody
 * from stopping a cage or from removing one to make room. The next command repairs what it then finds.
 */
export function noteCageState(context: Context, name: string, state: CageState): void {
  try {
    writeCageState(context, name, state);
  } catch (error) {
    if (toIronError(error).code !== 'E_DISK_FULL') throw error;
  }
}

export function listCageNames(context: Context): string[] {
  try {
    return readdirSync(cagesDirectory(context), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
