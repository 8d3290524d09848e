// `rewind`: workspace and home of a cage as a snapshot has them. What was there becomes a snapshot by itself, so that nothing is lost and
// no question is needed. Rules, secrets, ports and all else of the cage stay.
import { errorMessage, toIronError, IronError } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import { holdingInterrupts, refuseWhenInterrupted } from '../platform/interrupts.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { printableLine } from '../platform/text.ts';
import { diskUsage } from '../workspace/exact-copy.ts';
import { join } from 'node:path';
import { refuseInUse, stopForChange } from './adapt.ts';
import { dataParts, type DataPart } from './cage-data.ts';
import type { Context } from './context.ts';
import { copyParts } from './copy-data.ts';
import { timedName } from './names.ts';
import { repairCage } from './repair.ts';
import { agreeToRewind, beginRewind, finishRewind, sweepRewind } from './rewind-journal.ts';
import { recordOf } from './snapshot.ts';
import {
  makeSnapshotsDirectory,
  readSnapshot,
  requireFree,
  snapshotDirectory,
  snapshotNames,
  writeSnapshotRecord,
} from './snapshot-store.ts';
import type { CageSpec } from './spec.ts';
import { startAgain } from './start-again.ts';
import { cagePaths, readCageState, readSpec, withCageLock } from './store.ts';

export interface RewindOutcome {
  cage: string;
  snapshot: string;
  /** Snapshot of what was there before. */
  before: string;
  /** Work that neither the snapshot nor the project has: it is in `before` alone from now on. */
  putAside: readonly string[];
  /** For people: what is as the snapshot has it. */
  rewound: readonly string[];
  /** What the cage has and the snapshot has not: as it was. */
  kept: readonly string[];
}

/** Throws E_NO_SNAPSHOT, E_LOCKED while the cage is in use, E_DISK_FULL; then it is as it was. A cage that runs is started again. */
export async function rewindCage(context: Context, cage: string, snapshot: string): Promise<RewindOutcome> {
  return holdingInterrupts((interrupted) =>
    withCageLock(context, cage, async () => {
      for (const line of await repairCage(context, cage)) context.progress(line);
      const spec = await readSpec(context, cage);
      await readSnapshot(context, cage, snapshot);
      const { parts, kept } = chooseParts(context, spec, snapshot);
      await refuseInUse(context, cage);
      const state = readCageState(context, cage);
      const taken = snapshotNames(context, cage);
      const before = requireFree(context, cage, timedName('before-rewind-', context.clock.now(), taken));
      const putAside = await namePutAside(context, cage, { snapshot, before });
      try {
        await layOut(context, spec, { snapshot, before, parts, interrupted });
      } catch (error) {
        sweepRewind(context, cage);
        throw error;
      }
      context.step('rewind: agreed');
      await finishRewind(context, cage);
      context.step('rewind: written');
      if (state.phase === 'running') await runAgain(context, cage, snapshot, state);
      return { cage, snapshot, before, putAside, rewound: parts.map(({ what }) => what), kept };
    }),
  );
}

const NAMED_FILES = 20;

/** Said before anything is done. Work that cannot be looked at is no reason to refuse: all of it is kept. */
async function namePutAside(
  context: Context,
  cage: string,
  { snapshot, before }: { snapshot: string; before: string },
): Promise<string[]> {
  const { workBeside } = await import('./snapshot-work.ts');
  const tell = (line: string): void => context.progress(line);
  const work = await tellIfSlow(tell, 'looking for work that is nowhere else', async () =>
    workBeside(cagePaths(context, cage).root, snapshotDirectory(context, cage, snapshot)).catch((error: unknown) => [
      `it cannot be looked at: ${errorMessage(error)}`,
    ]),
  );
  if (work.length === 0) return work;
  const named = work.slice(0, NAMED_FILES).map((each) => printableLine(each));
  tell(`work that is nowhere else goes into the snapshot ${before}: ${named.join(', ')}${work.length > named.length ? `, and ${work.length - named.length} more` : ''}`); // prettier-ignore
  return work;
}

/** Until the last line nothing of the cage has changed, but that it may have been stopped. */
async function layOut(
  context: Context,
  spec: CageSpec,
  wish: { snapshot: string; before: string; parts: readonly DataPart[]; interrupted: AbortSignal },
): Promise<void> {
  const { name: cage } = spec;
  const { root } = cagePaths(context, cage);
  const places = beginRewind(context, cage, wish.before);
  context.step('rewind: begun');
  const from = snapshotDirectory(context, cage, wish.snapshot);
  await tellIfSlow(
    (line) => context.progress(line),
    `copying the files of ${wish.snapshot}`,
    () => copyParts(wish.parts, from, places.next, wish.interrupted),
  );
  context.step('rewind: copied');
  if (readCageState(context, cage).phase === 'running')
    context.progress(`stopping ${cage}: it is started again afterwards`);
  await stopForChange(context, cage);
  const sizes = wish.parts.map(({ path }) => join(root, path)).filter(pathExists);
  let bytes = 0;
  for (const path of sizes) bytes += await diskUsage(path, wish.interrupted);
  writeSnapshotRecord(places.before, recordOf(context, spec, { automatic: true, bytes, leftOut: [] }));
  makeSnapshotsDirectory(context, cage);
  refuseWhenInterrupted(wish.interrupted);
  agreeToRewind(context, cage);
}

/** Throws E_NO_SNAPSHOT when it holds nothing that the cage has. */
function chooseParts(
  context: Context,
  spec: CageSpec,
  snapshot: string,
): { parts: readonly DataPart[]; kept: readonly string[] } {
  const from = snapshotDirectory(context, spec.name, snapshot);
  const all = dataParts(spec);
  const parts = all.filter(({ path }) => pathExists(join(from, path)));
  const { root } = cagePaths(context, spec.name);
  const kept = all.filter((part) => !parts.includes(part) && pathExists(join(root, part.path)));
  if (parts.length > 0) return { parts, kept: kept.map(({ what }) => what) };
  throw new IronError('E_NO_SNAPSHOT', {
    message: `the snapshot ${snapshot} holds nothing of what ${spec.name} is made of now`,
    hint: `ironcage snapshot ${spec.name} --list shows the others`,
  });
}

async function runAgain(
  context: Context,
  cage: string,
  snapshot: string,
  before: ReturnType<typeof readCageState>,
): Promise<void> {
  try {
    await startAgain(context, cage, before);
  } catch (error) {
    const cause = toIronError(error);
    throw new IronError(cause.code, {
      message: `the cage ${cage} is as ${snapshot} has it, and does not start: ${errorMessage(error)}`,
      because: cause.reasons,
      hint: cause.hint,
      cause,
    });
  }
}
