// The orderly end of an egress whose cage is gone: it closes its record with a last checkpoint, so that nothing can be cut off
// unseen. Only a courtesy: whoever calls this ends its processes afterwards in any case.
import { waitForExit, type ProcessIdentity } from '../platform/processes.ts';
import { controlSocket } from './confirm-policy.ts';
import type { Context } from './context.ts';

const ANSWER_MS = 1000;
/** It cuts what is open, and writes what is left to the disk. */
const END_MS = 2000;

export async function askEgressToEnd(context: Context, name: string, egress: ProcessIdentity): Promise<void> {
  const { sendControl } = await import('../egress/client.ts');
  try {
    const answer = await sendControl(controlSocket(context, name), { op: 'stop' }, ANSWER_MS);
    if (answer.ok) await waitForExit(egress, END_MS);
  } catch {
    // It is dead already, or does not listen any more.
  }
}
