// Which programs of a cage are held still: noted before the first of them is, and let go by whoever finds the note.
import { join } from 'node:path';
import { pathExists, readTextIfPresent, removeTree, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import { isAlive, type ProcessIdentity } from '../platform/processes.ts';
import type { Context } from './context.ts';
import { cagePaths, readCageState } from './store.ts';

export interface HeldJournal {
  way: 'signals' | 'engine';
  /** Stopped by somebody else: they stay so. */
  before: readonly ProcessIdentity[];
}

function journalFile(context: Context, name: string): string {
  return join(cagePaths(context, name).root, 'held.json');
}

export function announceHeld(context: Context, name: string, journal: HeldJournal): void {
  writeFileAtomic(journalFile(context, name), `${JSON.stringify({ version: 1, ...journal })}\n`);
}

export function isHeld(context: Context, name: string): boolean {
  return pathExists(journalFile(context, name));
}

/** Lets a cage go on that a crash left held. The caller holds the lock. Throws E_BACKEND when an engine does not answer. */
export async function letGo(context: Context, name: string): Promise<void> {
  const file = journalFile(context, name);
  if (!pathExists(file)) return;
  const journal = await parseJournal(readTextIfPresent(file) ?? '');
  const state = readCageState(context, name);
  if (state.phase === 'running' || state.phase === 'stopping' || state.phase === 'starting') {
    if (state.container !== undefined && journal?.way !== 'signals') {
      const [{ resumeContainer }, { engineOf }] = await Promise.all([
        import('../backends/container/pause.ts'),
        import('../backends/container/detect.ts'),
      ]);
      await resumeContainer(state.container, engineOf(state.container, context.environment));
    }
    if (state.init !== undefined && isAlive(state.init) && journal?.way !== 'engine') {
      const { resumeProcesses } = await import('../backends/host/pause-processes.ts');
      resumeProcesses(state.init, journal?.before ?? []);
    }
  }
  removeTree(file, cagePaths(context, name).root);
}

/** Undefined for what cannot be read: then everything is let go that can be. */
async function parseJournal(text: string): Promise<HeldJournal | undefined> {
  const { z } = await import('zod');
  const identity = z.strictObject({ pid: z.int().positive(), startTicks: z.string() });
  const way = z.enum(['signals', 'engine']);
  return z.strictObject({ version: z.literal(1), way, before: z.array(identity) }).safeParse(parseJson(text)).data;
}
