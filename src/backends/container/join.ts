// How a host command line gets into namespaces of a container's: as root, or as the owner of a rootless one.
import type { ProcessIdentity } from '../../platform/processes.ts';
import type { Tools } from '../host/tools.ts';
import type { Engine } from './engine.ts';
import { goneMeanwhile } from './gone-meanwhile.ts';
import { parentOf } from '../host/cage-processes.ts';

/** Prefix of a host command line. What a rootless container has belongs to the user namespace that its monitor lives in. */
export function joinCommand(
  init: ProcessIdentity,
  { rootless }: Pick<Engine, 'rootless'>,
  tools: Tools,
  namespaces: readonly string[],
): string[] {
  if (rootless) {
    const user = ['--target', String(monitorOf(init)), '--user', '--preserve-credentials'];
    return [tools.nsenter, ...user, ...namespaces, '--'];
  }
  return namespaces.length === 0 ? [] : [tools.nsenter, ...namespaces, '--'];
}

function monitorOf(init: ProcessIdentity): number {
  const parent = parentOf(init.pid);
  if (parent === undefined) throw goneMeanwhile();
  return parent;
}
