// How a run has ended, as its supervisor says, as its cage shows, or because it never began.
import type { Context } from '../cage/context.ts';
import { cageExists, readCageState } from '../cage/store.ts';
import { printableLine } from '../platform/text.ts';
import type { GuestStatus } from './bus-run.ts';
import type { RunReason, RunRecord } from './run-record.ts';

export interface Ended {
  status: RunRecord['status'];
  exitCode: number | null;
  reason?: RunReason;
}

const CAGE_STOPPED: Ended = {
  ...{ status: 'stopped', exitCode: null },
  reason: { code: 'cage-stopped', message: 'the cage was stopped' },
};

/** Undefined while it goes on. */
export function endedBy({ state, exitCode: code, told, error }: GuestStatus): Ended | undefined {
  const exitCode = code ?? null;
  switch (state) {
    case 'running':
      return undefined;
    case 'failed': {
      // Whoever is inside may have written it: it must not read as ironcage's own word.
      const said = error === undefined ? '' : `; from inside, unverified: ${JSON.stringify(printableLine(error))}`;
      return notStarted(`its agent could not be started${said}`);
    }
    case 'exited':
      if (told === 'cage') return { ...CAGE_STOPPED, exitCode };
      return { status: exitCode === 0 ? 'done' : 'failed', exitCode };
    default:
      return state satisfies never;
  }
}

/** A stop says so in the state before it ends anything; what else ends a cage does not. */
export function endedWithCage(context: Context, cage: string): Ended {
  let phase: string;
  try {
    phase = cageExists(context, cage) ? readCageState(context, cage).phase : 'removing';
  } catch {
    phase = 'unreadable';
  }
  return phase === 'stopping' || phase === 'stopped' || phase === 'removing'
    ? CAGE_STOPPED
    : { status: 'failed', exitCode: null, reason: { code: 'cage-gone', message: 'its cage was ended from outside' } };
}

export const SUPERVISOR_GONE: Ended = {
  ...{ status: 'failed', exitCode: null },
  reason: { code: 'supervisor-gone', message: 'its supervisor inside the cage was ended' },
};

export function notStarted(because: string, cause?: unknown): Ended {
  const more =
    cause instanceof Error && 'because' in cause && typeof cause.because === 'string' ? `: ${cause.because}` : '';
  return { status: 'failed', exitCode: null, reason: { code: 'not-started', message: `${because}${more}` } };
}
