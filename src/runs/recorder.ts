// The program that records one run, on the host, in a session of its own: it outlives the command that started it. It is told what
// to do over Node's IPC, and ends with the run.
import { systemClock } from '../platform/clock.ts';
import type { Context } from '../cage/context.ts';
import { cagePaths } from '../cage/store.ts';
import { errorMessage, IronError } from '../platform/errors.ts';
import { pathExists, removeTree } from '../platform/files.ts';
import { withLock } from '../platform/locks.ts';
import { busRun } from './bus-run.ts';
import { recordRun } from './record-run.ts';
import type { RecorderAnswer, RecorderTask } from './recorder-host.ts';
import { runPlaces } from './run-store.ts';

process.once('message', (task: RecorderTask) => {
  record(task).then(
    () => process.exit(0),
    (error: unknown) => {
      log(error instanceof Error ? (error.stack ?? error.message) : String(error));
      answer({ type: 'failed', message: errorMessage(error) });
      process.exit(1);
    },
  );
});
// Who has nobody to tell it what to do has nothing to do.
process.once('disconnect', () => {
  if (!isBusy) process.exit(0);
});
// A terminal that is closed, and a Ctrl-C in it, are not meant for it.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);

let isBusy = false;

async function record({ where, cage, run, draft }: RecorderTask): Promise<void> {
  isBusy = true;
  const context: Context = {
    ...where,
    clock: systemClock,
    progress: log,
    step: () => undefined,
  };
  const places = runPlaces(context, cage, run);
  if (draft !== undefined) {
    answer({ type: 'ready' });
    await committed();
    if (!pathExists(places.root)) {
      // Its prompt first: by the draft the next launch finds what a crash left of it.
      busRun(cagePaths(context, cage).bus, run, undefined).clear();
      return removeTree(draft, where.dataRoot);
    }
  }
  try {
    await withLock(places.recorder, { what: `the run ${run}`, timeoutMs: 0 }, () =>
      recordRun(context, cage, run, {
        isLaunch: draft !== undefined,
        settled: () => answer({ type: 'settled' }),
      }),
    );
  } catch (error) {
    // Another one records it.
    if (error instanceof IronError && error.code === 'E_LOCKED') return answer({ type: 'settled' });
    // Its cage was removed meanwhile, and the run with it.
    if (pathExists(places.root)) throw error;
  }
}

/** Whoever launches the run has made it one, or is gone. */
function committed(): Promise<void> {
  return new Promise((resolve) => {
    process.once('message', () => resolve());
    process.once('disconnect', () => resolve());
    if (!process.connected) resolve();
  });
}

/** Its error output is the log of the run. */
function log(line: string): void {
  process.stderr.write(`${new Date(systemClock.now()).toISOString()} ${line}\n`);
}

function answer(message: RecorderAnswer): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
