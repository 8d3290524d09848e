// `snapshot`: the data of a cage as it stands at one moment, kept beside it. Taking one changes nothing of the cage; a running one
// is held still while its files are copied.
import { removeTree } from '../platform/files.ts';
import { IronError } from '../platform/errors.ts';
import { holdingInterrupts, refuseWhenInterrupted } from '../platform/interrupts.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { diskUsage } from '../workspace/exact-copy.ts';
import type { SkippedFile } from '../workspace/copy-tree.ts';
import { dataParts, notData } from './cage-data.ts';
import type { Context } from './context.ts';
import { copyParts } from './copy-data.ts';
import { holdingStill } from './hold-still.ts';
import { timedName } from './names.ts';
import { repairCage } from './repair.ts';
import { describeSnapshot, type SnapshotInfo } from './snapshot-list.ts';
import type { SnapshotRecord } from './snapshot-record.ts';
import {
  beginSnapshot,
  dropSnapshot,
  keepSnapshot,
  readSnapshot,
  requireFree,
  snapshotNames,
  specForSnapshot,
  writeSnapshotRecord,
} from './snapshot-store.ts';
import { refuseToLoseSnapshot } from './snapshot-work.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, readSpec, withCageLock } from './store.ts';

/** `name`: default, one of the time. Throws E_NAME, E_SNAPSHOT_EXISTS, E_DISK_FULL; then nothing of it stays. */
export async function takeSnapshot(
  context: Context,
  cage: string,
  options: { name?: string | undefined } = {},
): Promise<SnapshotInfo> {
  return holdingInterrupts((interrupted) =>
    withCageLock(context, cage, async () => {
      for (const line of await repairCage(context, cage)) context.progress(line);
      const spec = await readSpec(context, cage);
      refuseEmpty(spec);
      const wanted = options.name ?? timedName('', context.clock.now(), snapshotNames(context, cage));
      const name = requireFree(context, cage, wanted);
      const directory = beginSnapshot(context, cage, name);
      try {
        context.step('snapshot: begun');
        const { root } = cagePaths(context, cage);
        const leftOut = await tellIfSlow(
          (line) => context.progress(line),
          `copying the files of ${cage}`,
          () => holdingStill(context, cage, () => copyParts(dataParts(spec), root, directory, interrupted)),
        );
        context.step('snapshot: copied');
        const bytes = await diskUsage(directory, interrupted);
        writeSnapshotRecord(directory, recordOf(context, spec, { automatic: false, bytes, leftOut }));
        refuseWhenInterrupted(interrupted);
        keepSnapshot(context, cage, name, directory);
        context.step('snapshot: written');
      } catch (error) {
        removeTree(directory, cagePaths(context, cage).root);
        throw error;
      }
      return describeSnapshot(context, cage, name);
    }),
  );
}

function refuseEmpty(spec: CageSpec): void {
  if (dataParts(spec).some(({ path }) => !['messages', 'bus'].includes(path))) return;
  throw new IronError('E_USAGE', {
    message: `there is nothing in ${spec.name} that a snapshot could hold`,
    because: notData(spec),
    hint: 'git commit, or a copy of these, keeps what they are now',
  });
}

/** What is to be written down of the cage as it is now. */
export function recordOf(
  context: Context,
  spec: CageSpec,
  made: { automatic: boolean; bytes: number; leftOut: readonly SkippedFile[] },
): SnapshotRecord {
  return {
    version: 1,
    createdAt: new Date(context.clock.now()).toISOString(),
    ...made,
    notPart: notData(spec),
    spec: specForSnapshot(spec),
  };
}

/** Throws E_NO_SNAPSHOT, and E_UNEXPORTED that names the files when work is nowhere else, unless `discard`. */
export async function removeSnapshot(
  context: Context,
  cage: string,
  snapshot: string,
  { discard }: { discard: boolean },
): Promise<void> {
  await withCageLock(context, cage, async () => {
    for (const line of await repairCage(context, cage)) context.progress(line);
    await readSpec(context, cage);
    // One whose record cannot be read can be taken away as well.
    if (!snapshotNames(context, cage).includes(snapshot)) await readSnapshot(context, cage, snapshot);
    if (!discard) await refuseToLoseSnapshot(context, cage, snapshot);
    dropSnapshot(context, cage, snapshot);
    context.step('snapshot: gone');
  });
}
