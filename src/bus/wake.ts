// Waits for a change in directories: told by the kernel where it tells, and after a while at any rate. A hint to look again, no more.
import { watch, type FSWatcher } from 'node:fs';
import { entryOf } from '../platform/open-below.ts';
import type { Mailbox } from './mailbox.ts';
import { openBusDirectory } from './outbox-directory.ts';

export interface Waker {
  /** Resolves after a change since the last call, `ms`, or the end of `signal`. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Between two looks, whatever happens: a cage may touch its outbox without end. */
const PAUSE_MS = 50;

export function watchMail(mailbox: Mailbox): Waker {
  let changed = false;
  let wake: (() => void) | undefined;
  const watchers: { outbox?: FSWatcher | undefined; journal?: FSWatcher | undefined } = {};
  const watchOne = (which: 'outbox' | 'journal', path: string, wanted?: string): void => {
    try {
      const watcher = watch(path, (_event, name) => {
        if (wanted !== undefined && name !== wanted) return;
        changed = true;
        wake?.();
      });
      watchers[which] = watcher;
      watcher.on('error', () => {
        watcher.close();
        watchers[which] = undefined;
      });
    } catch {
      // Not there yet, or no more watches to be had: until then the pauses do.
    }
  };
  const watchAll = async (): Promise<void> => {
    if (watchers.journal === undefined) watchOne('journal', mailbox.messages, 'journal.jsonl');
    if (watchers.outbox !== undefined) return;
    const outbox = await openBusDirectory(mailbox.bus, 'outbox');
    if (outbox === undefined) return;
    // By the open directory: its path may lead elsewhere by now.
    watchOne('outbox', entryOf(outbox, '.'));
    await outbox.close();
  };
  const pause = (ms: number, signal: AbortSignal, early: boolean): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        wake = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      if (early) wake = end;
      if (signal.aborted || (early && changed)) end();
    });
  return {
    async sleep(ms, signal) {
      const had = watchers.outbox !== undefined;
      await watchAll();
      const shortest = Math.min(PAUSE_MS, ms);
      await pause(shortest, signal, false);
      // What came before the first watch was seen by nobody.
      if (had || watchers.outbox === undefined) await pause(ms - shortest, signal, true);
      changed = false;
    },
    close() {
      watchers.outbox?.close();
      watchers.journal?.close();
    },
  };
}
