// A start for recording a project: a copy of its own index, so that only changed files have to be read. Wherever the index
// could claim more than the bytes on disk (filters, line ends, flags, another format) its stat data is thrown away.
import { copyFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import { anyFileConverts, configConverts } from './attributes.ts';
import { EMPTY_BLOB, zeroOid, type BaseStore } from './base-store.ts';
import { below, joinRecords, nameOf, splitRecords, type BytePath } from './byte-path.ts';
import { git, userConfigFile, type GitCall, type GitSettings } from './git.ts';
import type { Project, Repository } from './project.ts';

export interface PrimedIndex {
  /** Tracked files. */
  paths: readonly BytePath[];
  /** Submodules; no longer in the index. */
  links: readonly BytePath[];
  /** Whether an entry whose stat data matches holds the file's very bytes. */
  trusted: boolean;
  /** Whether the index still is what `onCopied` was told of. */
  asCopied: boolean;
}

/** Fills the index named by `call` (of the store) with what the project tracks. */
export async function primeIndex(
  store: BaseStore,
  project: Project,
  settings: Promise<GitSettings>,
  call: GitCall & { indexFile: string },
  onCopied: () => void,
): Promise<PrimedIndex> {
  rmSync(call.indexFile, { force: true });
  const { git: repository } = project;
  if (repository === undefined || !pathExists(join(repository.gitDir, 'index'))) {
    return { paths: [], links: [], trusted: false, asCopied: false };
  }
  const copied =
    repository.objectFormat === store.objectFormat ? await copyIndex(repository, call, onCopied) : undefined;
  const listing = copied ?? (await listIndex({ gitDir: repository.gitDir, workTree: project.root }));
  const known = await settings;
  const trusted =
    copied !== undefined &&
    !listing.odd &&
    !configConverts(known) &&
    !anyFileConverts(attributeFiles(project.root, repository, known, listing.paths));
  if (!trusted) await distrustIndex(store, call, listing.paths);
  else if (listing.links.length > 0) await removeEntries(store, call, listing.links);
  const asCopied = trusted && listing.links.length === 0;
  return { paths: listing.paths, links: listing.links, trusted, asCopied };
}

/** Writes the index anew with the same paths and no stat data, so that every file is read. */
export async function distrustIndex(
  store: BaseStore,
  call: GitCall & { indexFile: string },
  paths: readonly BytePath[],
): Promise<void> {
  rmSync(call.indexFile, { force: true });
  const blob = EMPTY_BLOB[store.objectFormat];
  const input = joinRecords(paths.map((path) => `100644 ${blob} 0\t${path}`));
  await git(['update-index', '-z', '--index-info'], { ...call, input });
}

export async function removeEntries(store: BaseStore, call: GitCall, paths: readonly BytePath[]): Promise<void> {
  const zero = zeroOid(store.objectFormat);
  const input = joinRecords(paths.map((path) => `0 ${zero} 0\t${path}`));
  await git(['update-index', '-z', '--index-info'], { ...call, input });
}

function attributeFiles(
  root: string,
  repository: Repository,
  settings: GitSettings,
  paths: readonly BytePath[],
): (string | Buffer)[] {
  const user = userConfigFile(settings, 'core.attributesfile');
  return [
    join(root, '.gitattributes'),
    join(repository.commonDir, 'info', 'attributes'),
    ...(user === undefined ? [] : [user]),
    ...paths
      .filter((path) => path.endsWith('.gitattributes') && nameOf(path) === '.gitattributes')
      .map((path) => below(root, path)),
  ];
}

interface IndexListing {
  paths: BytePath[];
  links: BytePath[];
  /** Some entry claims more than its stat data shows: assume-unchanged, sparse, unmerged. */
  odd: boolean;
}

async function copyIndex(
  repository: Repository,
  call: GitCall & { indexFile: string },
  onCopied: () => void,
): Promise<IndexListing | undefined> {
  const source = join(repository.gitDir, 'index');
  const { mtimeMs } = statSync(source);
  copyFileSync(source, call.indexFile);
  // Git distrusts entries as new as their index; a copy that looks newer would switch that off. Rounded down, to be safe.
  const seconds = Math.floor(mtimeMs - 1) / 1000;
  utimesSync(call.indexFile, seconds, seconds);
  onCopied();
  try {
    return await listIndex(call);
  } catch (error) {
    // A split index has its other half in the repository: then the listing has to come from there.
    if (error instanceof IronError) return undefined;
    throw error;
  }
}

async function listIndex(call: GitCall): Promise<IndexListing> {
  const { stdout } = await git(['ls-files', '-s', '-v', '-z'], call);
  const listing: IndexListing = { paths: [], links: [], odd: false };
  let last = '';
  for (const record of splitRecords(stdout)) {
    // `H 100644 OID STAGE TAB PATH`
    const tab = record.indexOf('\t');
    const path = record.slice(tab + 1);
    const stage = record[tab - 1];
    if (record[0] !== 'H' || stage !== '0') listing.odd = true;
    if (record.startsWith('160000', 2)) listing.links.push(path);
    else if (path !== last) listing.paths.push(path);
    last = path;
  }
  return listing;
}
