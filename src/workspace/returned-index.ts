// The index of a mounted project's cage, made fit for the project: read as data by git in a repository of ours, written anew without the
// flags that hide files and without extensions. Which repositories within the repository are named decides whether it may come back:
// git on the host runs what the settings of such a one say.
import { closeSync, copyFileSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import type { BaseStore } from './base-store.ts';
import { joinRecords, splitRecords } from './byte-path.ts';
import { git } from './git.ts';
import { readBelow, readGitPosition, tipOf, type GitPosition } from './git-position.ts';
import { alsoFrom, giveToOwner } from './hand-over.ts';
import type { Repository } from './project.ts';

/** Where what a cage committed is on its way. */
export interface Place {
  store: BaseStore;
  repository: Repository;
  /** A copy of the cage's. */
  objects: string;
  /** The cage's repository. */
  gitDir: string;
  quarantine: string;
}

export interface CageIndex {
  /** A file of ours that says the same: without flags that hide files, and without extensions. */
  file: string;
  oids: readonly string[];
}

/** Undefined for one with conflicts, with a repository that the project does not know, or that git cannot read. */
export async function cageIndex(place: Place, links: ReadonlySet<string>): Promise<CageIndex | undefined> {
  const bytes = readBelow(place.gitDir, 'index', 2 ** 30);
  const [raw, file] = [join(place.quarantine, 'cage.index'), join(place.quarantine, 'index')];
  const call = { gitDir: place.store.gitDir, extraEnv: alsoFrom(place.objects) };
  if (bytes === undefined) return undefined;
  writeFileSync(raw, bytes, { flag: 'wx', mode: 0o600 });
  const listed = await git(['ls-files', '-s', '-z'], { ...call, indexFile: raw, accept: [0, 128] });
  if (listed.exitCode !== 0) return undefined;
  const entries = splitRecords(listed.stdout);
  const unfit = entries.some((entry) => {
    const [head = '', path = ''] = splitOnce(entry, '\t');
    return !head.endsWith(' 0') || (head.startsWith('160000 ') && !links.has(path));
  });
  if (unfit) return undefined;
  await git(['update-index', '-z', '--index-info'], { ...call, indexFile: file, input: joinRecords(entries) });
  // Of no entries git makes no file.
  if (!pathExists(file)) await git(['read-tree', '--empty'], { ...call, indexFile: file });
  const oids = entries.flatMap((entry) => (entry.startsWith('160000 ') ? [] : [entry.split(' ')[1] ?? '']));
  return { file, oids };
}

/** Paths of the repositories within the repository that the project has already. */
export async function knownLinks(host: GitPosition, place: Place): Promise<ReadonlySet<string>> {
  const listed = await git(['ls-files', '-s', '-z'], {
    gitDir: place.repository.gitDir,
    indexFile: join(place.repository.gitDir, 'index'),
  });
  const tip = tipOf(host);
  const inIndex = splitRecords(listed.stdout).filter((entry) => entry.startsWith('160000 '));
  return new Set([
    ...inIndex.map((entry) => splitOnce(entry, '\t')[1] ?? ''),
    ...(tip === undefined ? [] : await linksInTree(place, tip)),
  ]);
}

export async function linksInTree(place: Place, oid: string): Promise<string[]> {
  const call = { gitDir: place.store.gitDir, extraEnv: alsoFrom(place.objects) };
  const { stdout } = await git(['ls-tree', '-r', '-z', oid], call);
  const entries = splitRecords(stdout).filter((entry) => entry.startsWith('160000 '));
  return entries.map((entry) => splitOnce(entry, '\t')[1] ?? '');
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** Of these objects, those that the project does not have. */
export async function unknownTo(repository: Repository, oids: readonly string[]): Promise<string[]> {
  const wanted = [...new Set(oids)];
  const { stdout } = await git(['cat-file', '--batch-check'], {
    gitDir: repository.gitDir,
    input: `${wanted.join('\n')}\n`,
  });
  const missing = stdout
    .toString('latin1')
    .split('\n')
    .filter((line) => line.endsWith(' missing'));
  return missing.map((line) => line.split(' ')[0] ?? '');
}

/** Puts `file` in the place of the project's index, as git does it. Throws E_LOCKED while git has it, or when it is not that of `hash` any more. */
export function replaceIndex({ gitDir, commonDir }: Repository, file: string, hash: string | undefined): void {
  const index = join(gitDir, 'index');
  const lock = `${index}.lock`;
  takeLock(lock);
  try {
    if (readGitPosition(gitDir, commonDir).index !== hash) throw inUse(lock);
    copyFileSync(file, lock);
    giveToOwner(lock, gitDir);
    renameSync(lock, index);
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  }
}

function takeLock(lock: string): void {
  try {
    closeSync(openSync(lock, 'wx', 0o644));
  } catch (error) {
    throw systemErrorCode(error) === 'EEXIST' ? inUse(lock) : error;
  }
}

function inUse(lock: string): IronError {
  return new IronError('E_LOCKED', {
    message: 'git is at work in the project, and the cage’s commits wait',
    because: `${lock} is there, or the index has just changed`,
    hint: 'the next ironcage command on this cage tries again; remove the file if no git runs',
  });
}
