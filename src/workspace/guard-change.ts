// The guard between a cage's change and the host: reads what has to be looked into of a whole change, marks the files that could run
// on the host or mislead, and says why.
import type { BaseStore } from './base-store.ts';
import { fileFindings } from './file-findings.ts';
import { RANKS, type Finding } from './finding.ts';
import { forEachBlob } from './read-blobs.ts';
import { suspectNames } from './suspect-names.ts';
import type { TreeDifference, TreeSide } from './tree-diff.ts';

export interface HostExecutableFile {
  /** Text for people and JSON, relative to the project. */
  path: string;
  /** Mode and name of the new contents, or `deleted`: what a decision about the file holds for. */
  content: string;
  /** The gravest first. */
  reasons: readonly Finding[];
}

/** How many files are held in memory at once while they are looked into. */
const FILES_AT_ONCE = 64;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** A larger binary file is taken for one. */
const MAX_BINARY_BYTES = 1024 * 1024;

/** Marks the files that could run on the host and returns them with their reasons. `tree` is what `files` lead to. */
export async function guardChange(
  store: BaseStore,
  tree: string,
  files: readonly TreeDifference[],
): Promise<HostExecutableFile[]> {
  const found: HostExecutableFile[] = [];
  const names = await suspectNames(store, tree, files);
  for (let start = 0; start < files.length; start += FILES_AT_ONCE) {
    const some = files.slice(start, start + FILES_AT_ONCE);
    const contents = await readContents(store, some);
    for (const file of some) {
      const after = contentOf(file.after, contents);
      const own = await fileFindings(file, {
        before: contentOf(file.before, contents),
        after,
        unread: after === undefined && isFile(file.after),
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

async function readContents(store: BaseStore, files: readonly TreeDifference[]): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  const read = async (some: readonly TreeDifference[], maxBytes: number): Promise<void> => {
    const oids = some
      .filter((file) => file.after !== undefined)
      .flatMap((file) => [file.before, file.after].flatMap((side) => (isFile(side) ? [side.oid] : [])));
    // A copy, because the batch's one buffer would otherwise stay alive as long as any file of it.
    await forEachBlob(store, oids, (oid, bytes) => contents.set(oid, Buffer.from(bytes)), maxBytes);
  };
  await read(
    files.filter((file) => !file.binary),
    MAX_TEXT_BYTES,
  );
  await read(
    files.filter((file) => file.binary),
    MAX_BINARY_BYTES,
  );
  return contents;
}

function contentOf(side: TreeSide | undefined, contents: ReadonlyMap<string, Buffer>): Buffer | undefined {
  return side === undefined ? undefined : contents.get(side.oid);
}

function isFile(side: TreeSide | undefined): side is TreeSide {
  return side !== undefined && side.mode !== '160000';
}
