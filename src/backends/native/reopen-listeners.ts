// The listeners of a cage that lives, opened once more for a new egress: the old ones ended with the egress that held them.
// The program that opens them joins the keeper's user, network and mount namespaces, and no namespace that the cage's own
// processes are in; those cannot see it. It is a Node, which takes longer than a list of calls: the keeper may be an earlier version's.
import type { ProcessIdentity } from '../../platform/processes.ts';
import type { CagePlan } from '../backend.ts';
import { openListeners, type HandOver } from '../host/opened-listeners.ts';
import { dropRoot, type Tools } from '../host/tools.ts';
import { STAGED } from './stage.ts';

/** `handOver` gets each listener as it comes and closes its own copy. Resolves when all are handed over. */
export function reopenListeners(
  cage: Pick<CagePlan, 'identity' | 'callerIsRoot' | 'listeners'> & { holder: ProcessIdentity },
  tools: Tools,
  path: string,
  handOver: HandOver,
): Promise<void> {
  const command = [
    ...(cage.callerIsRoot ? dropRoot(cage.identity, tools) : []),
    ...[tools.nsenter, '--target', String(cage.holder.pid), '--user', '--preserve-credentials', '--net', '--mount'],
    ...['--', STAGED.node, `${STAGED.programs}/packed/open-listeners.js`],
  ];
  return openListeners(command, cage.listeners, path, handOver);
}
