// Applies the host-executable guard to a whole change: reads what has to be looked into, marks the files, lists the reasons.
import type { BaseStore } from './base-store.ts';
import { hostExecutableReasons } from './host-executable.ts';
import type { HostExecutableReason } from './host-executable-table.ts';
import { forEachBlob } from './read-blobs.ts';
import type { TreeDifference, TreeSide } from './tree-diff.ts';

export interface HostExecutableFile {
  path: string;
  reasons: readonly HostExecutableReason[];
}

/** How many files are held in memory at once while they are looked into. */
const FILES_AT_ONCE = 64;

/** Marks the files that could run on the host and returns them with their reasons. */
export async function guardChange(store: BaseStore, files: readonly TreeDifference[]): Promise<HostExecutableFile[]> {
  const found: HostExecutableFile[] = [];
  for (let start = 0; start < files.length; start += FILES_AT_ONCE) {
    const some = files.slice(start, start + FILES_AT_ONCE);
    const contents = new Map<string, Buffer>();
    const oids = some
      .filter((file) => file.after !== undefined && !file.binary)
      .flatMap((file) => [file.before, file.after].flatMap((side) => (isFile(side) ? [side.oid] : [])));
    // A copy, because the batch's one buffer would otherwise stay alive as long as any file of it.
    await forEachBlob(store, oids, (oid, bytes) => contents.set(oid, Buffer.from(bytes)));
    for (const file of some) {
      const after = file.after === undefined ? undefined : contents.get(file.after.oid);
      const reasons = hostExecutableReasons(file, {
        before: file.before === undefined ? undefined : contents.get(file.before.oid),
        after,
        tooLarge: after === undefined && !file.binary && isFile(file.after),
      });
      file.hostExecutable = reasons.length > 0;
      if (file.hostExecutable) found.push({ path: file.path, reasons });
    }
  }
  return found;
}

function isFile(side: TreeSide | undefined): side is TreeSide {
  return side !== undefined && side.mode !== '160000';
}
