// Records one run, unless it has ended: whoever does so uses its cage. It may die at any moment: whoever records the run next goes on
// from what is on file.
import type { Context } from '../cage/context.ts';
import { cageIdentity, currentCaller } from '../cage/identity.ts';
import { occupy } from '../cage/occupancy.ts';
import { cageExists, cagePaths, readSpec, withCageLock } from '../cage/store.ts';
import { leaveCage } from '../cage/within-cage.ts';
import type { Owner } from '../platform/beneath.ts';
import { errorMessage } from '../platform/errors.ts';
import { readerOf } from './agent-stream.ts';
import { busRun } from './bus-run.ts';
import { Recording } from './recording.ts';
import { openRunMail } from './run-mail.ts';
import { readRun, runPlaces } from './run-store.ts';

interface RecorderHooks {
  /** It runs, or has ended already: whoever waits for that can go on. */
  settled(): void;
  /** The caller holds the cage's lock until then. */
  isLaunch: boolean;
}

/** Nobody else records the run. */
export async function recordRun(context: Context, cage: string, id: string, hooks: RecorderHooks): Promise<void> {
  const places = runPlaces(context, cage, id);
  const record = readRun(places);
  if (record === undefined || record.status !== 'running') {
    if (record !== undefined) hooks.settled();
    return;
  }
  const leave = hooks.isLaunch ? occupy(cagePaths(context, cage)) : await occupyLocked(context, cage);
  try {
    const recording = new Recording(
      context,
      places,
      record,
      busRun(cagePaths(context, cage).bus, id, await ownerOf(context, cage)),
      await readerOf(context, record.agent),
      await openRunMail(context, record),
    );
    await recording.run(() => hooks.settled());
  } finally {
    await leaveQuietly(context, cage, leave);
  }
}

function occupyLocked(context: Context, cage: string): Promise<() => void> {
  return withCageLock(context, cage, () => Promise.resolve(occupy(cagePaths(context, cage))));
}

/** A cage that was removed meanwhile must not come back as an empty one. */
async function leaveQuietly(context: Context, cage: string, leave: () => void): Promise<void> {
  if (!cageExists(context, cage)) return;
  await leaveCage(context, cage, leave).catch((error: unknown) => context.progress(errorMessage(error)));
}

/** Of a cage whose spec cannot be read the files inside are read all the same. */
async function ownerOf(context: Context, cage: string): Promise<Owner | undefined> {
  const caller = currentCaller();
  if (caller.uid !== 0) return undefined;
  const spec = await readSpec(context, cage).catch(() => undefined);
  return spec === undefined ? undefined : cageIdentity(caller, spec);
}
