// Work that must not be cut off between two steps: a Ctrl-C waits until it can give up cleanly, and then takes its course.

import { setImmediate } from 'node:timers/promises';
import { IronError } from './errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work`, which looks at `interrupted` where giving up leaves nothing behind, and throws then. What threw after a signal ends as
 * the signal would have ended it; what came to its end in spite of one goes on.
 */
export async function holdingInterrupts<T>(work: (interrupted: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let caught: NodeJS.Signals | undefined;
  const note = (signal: NodeJS.Signals): void => {
    caught = signal;
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, note);
  const letGo = (): void => {
    for (const signal of SIGNALS) process.off(signal, note);
  };
  try {
    return await work(controller.signal);
  } catch (error) {
    letGo();
    if (caught !== undefined) process.kill(process.pid, caught);
    throw error;
  } finally {
    letGo();
  }
}

/** Throws when the user has asked the command to stop. */
export function refuseWhenInterrupted(interrupted: AbortSignal): void {
  if (interrupted.aborted) throw interruption();
}

/** What `work` comes to; throws as refuseWhenInterrupted does as soon as that is asked, whatever `work` still does. */
export function unlessInterrupted<T>(work: Promise<T>, interrupted: AbortSignal): Promise<T> {
  const givenUp = new Promise<never>((_resolve, reject) => {
    if (interrupted.aborted) reject(interruption());
    else interrupted.addEventListener('abort', () => reject(interruption()), { once: true });
  });
  return Promise.race([work, givenUp]);
}

function interruption(): IronError {
  return new IronError('E_IO', { message: 'interrupted', hint: 'nothing was changed: run the command again' });
}

/** Calls `interrupted` for each Ctrl-C or SIGTERM instead of ending; the function returned ends that. */
export function onInterrupt(interrupted: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, interrupted);
  return () => {
    for (const signal of signals) process.off(signal, interrupted);
  };
}

/** Long work without a pause keeps signals waiting: after this, `interrupted` knows of them. */
export async function noticeSignals(): Promise<void> {
  // The second comes after the loop has looked for them.
  for (let turn = 0; turn < 2; turn++) await setImmediate();
}
