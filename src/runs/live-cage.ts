// Whether what a run needs is still there, as the host sees it: its cage, and its supervisor inside.
import { readFileSync } from 'node:fs';
import { cageProcesses } from '../backends/host/cage-processes.ts';
import { INSIDE_GUEST } from '../backends/host/layout.ts';
import { isAlive } from '../platform/processes.ts';
import type { RunRecord } from './run-record.ts';

export const SUPERVISOR = `${INSIDE_GUEST}/supervisor.mjs`;

/** Beats come once a second; so long without one, and its process is looked for. */
const SILENT_MS = 3_000;
/** Programs of gVisor's are not seen from outside: there only the beat tells. */
const SILENT_GVISOR_MS = 60_000;

export function isCageAlive({ init }: RunRecord): boolean {
  return isAlive(init);
}

export interface Pulse {
  /** With the newest beat; false when the supervisor is gone. */
  lives(beat: number | undefined): boolean;
}

export function pulseOf({ id, init, gvisor }: RunRecord): Pulse {
  let last: number | undefined;
  let since = performance.now();
  return {
    lives(beat) {
      const now = performance.now();
      if (beat !== last) {
        last = beat;
        since = now;
      }
      if (gvisor) return now - since < SILENT_GVISOR_MS;
      if (now - since < SILENT_MS) return true;
      // It may be held still, or the machine busy.
      const isThere = cageProcesses(init).some(({ pid }) => isSupervisor(pid, id));
      if (isThere) since = now;
      return isThere;
    },
  };
}

function isSupervisor(pid: number, id: string): boolean {
  try {
    const [, program, run] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return program === SUPERVISOR && run === id;
  } catch {
    // Gone meanwhile.
    return false;
  }
}
