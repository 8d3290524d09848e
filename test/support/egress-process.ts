// The processes of a cage's egress, for tests that end or halt it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const State = z.looseObject({ egress: z.looseObject({ pid: z.int() }) });

export interface EgressProcesses {
  /** Process 1 of its namespace: whatever kills it ends all. */
  wrapper: number;
  program: number;
}

/** Of a cage that runs. */
export function egressOf(dataRoot: string, cage: string): EgressProcesses {
  const text = readFileSync(join(dataRoot, 'cages', cage, 'state.json'), 'utf8');
  const wrapper = State.parse(JSON.parse(text)).egress.pid;
  const children = readFileSync(`/proc/${wrapper}/task/${wrapper}/children`, 'utf8').trim().split(' ');
  return { wrapper, program: Number(children[0]) };
}
