// The guard between a cage's change and the host: reads what has to be looked into of a whole change, marks the files that could run
// on the host or mislead, and says why.
import type { BaseStore } from './base-store.ts';
import { fileFindings } from './file-findings.ts';
import { RANKS, type Finding } from './finding.ts';
import type { HostGitRuns } from './host-git-runs.ts';
import { openLeadsOut } from './host-links.ts';
import { linkNames } from './link-names.ts';
import { projectLinks } from './project-links.ts';
import { blobSizes, readBlobs } from './read-blobs.ts';
import { suspectNames } from './suspect-names.ts';
import { readTouchedTrees } from './touched-trees.ts';
import type { TreeDifference, TreeSide } from './tree-diff.ts';

export interface HostExecutableFile {
  /** Text for people and JSON, relative to the project. */
  path: string;
  /** Mode and name of the new contents, or `deleted`: what a decision about the file holds for. */
  content: string;
  /** The gravest first. */
  reasons: readonly Finding[];
}

/** Contents of this size are held in memory at once. */
const BYTES_AT_ONCE = 32 * 1024 * 1024;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** A larger binary file is taken for one. */
const MAX_BINARY_BYTES = 1024 * 1024;

/** Where the files are to be. */
interface GuardedPlace {
  /** Absolute; it may be missing. */
  root: string;
  /** Of the project. */
  runs: HostGitRuns;
}

/** Marks the files that could run on the host and returns them with their reasons. `tree` is what `files` lead to. */
export async function guardChange(
  store: BaseStore,
  tree: string,
  files: readonly TreeDifference[],
  { root, runs }: GuardedPlace,
): Promise<HostExecutableFile[]> {
  const found: HostExecutableFile[] = [];
  const present = files.filter((file) => file.after !== undefined);
  const [trees, sizes, links] = await Promise.all([
    readTouchedTrees(store, tree, files),
    blobSizes(
      store,
      present.flatMap(sidesOf).map(({ oid }) => oid),
    ),
    present.length === 0 ? new Map() : projectLinks(store, tree),
  ]);
  const names = suspectNames(trees, files);
  const otherNames = linkNames(links);
  const leadsOut = openLeadsOut(links, root);
  for (const group of groupsOf(files, sizes)) {
    const readable = group.flatMap((file) => readableSides(file, sizes)).map(({ oid }) => oid);
    const contents = await readBlobs(store, readable);
    for (const file of group) {
      const after = contentOf(file.after, contents);
      const own = await fileFindings(file, {
        before: contentOf(file.before, contents),
        after,
        unread: after === undefined && isFile(file.after),
        otherNames,
        leadsOut,
        hostGitRuns: runs(file.bytes.path),
      });
      const ofName = (names.get(file.bytes.path) ?? []).map((finding) => ({ ...finding, lines: [], moreLines: 0 }));
      const reasons = [...own, ...ofName].sort((a, b) => RANKS.indexOf(a.rank) - RANKS.indexOf(b.rank));
      file.hostExecutable = reasons.length > 0;
      if (file.hostExecutable) found.push({ path: file.path, content: contentName(file.after), reasons });
    }
  }
  return found;
}

function contentName(side: TreeSide | undefined): string {
  return side === undefined ? 'deleted' : `${side.mode} ${side.oid}`;
}

/** Runs of files whose contents are held at once. */
function groupsOf(files: readonly TreeDifference[], sizes: ReadonlyMap<string, number>): TreeDifference[][] {
  const groups: TreeDifference[][] = [];
  let bytes = 0;
  for (const file of files) {
    const own = readableSides(file, sizes).reduce((sum, { oid }) => sum + (sizes.get(oid) ?? 0), 0);
    // Also what is not read is looked at: its name, its mode and that it is gone.
    if (groups.length === 0 || bytes + own > BYTES_AT_ONCE) {
      groups.push([]);
      bytes = 0;
    }
    bytes += own;
    groups.at(-1)?.push(file);
  }
  return groups;
}

/** The sides that are read: of what stays, and no larger than is worth it. */
function readableSides(file: TreeDifference, sizes: ReadonlyMap<string, number>): TreeSide[] {
  if (file.after === undefined) return [];
  const maxBytes = file.binary ? MAX_BINARY_BYTES : MAX_TEXT_BYTES;
  return sidesOf(file).filter(({ oid }) => (sizes.get(oid) ?? Infinity) <= maxBytes);
}

function sidesOf(file: TreeDifference): TreeSide[] {
  return [file.before, file.after].filter(isFile);
}

function contentOf(side: TreeSide | undefined, contents: ReadonlyMap<string, Buffer>): Buffer | undefined {
  return side === undefined ? undefined : contents.get(side.oid);
}

function isFile(side: TreeSide | undefined): side is TreeSide {
  return side !== undefined && side.mode !== '160000';
}
