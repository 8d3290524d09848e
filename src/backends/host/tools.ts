// The system programs that cages and their egress are started with, found once per command, by absolute path.
import { absoluteEntries, type Environment } from '../../platform/environment.ts';
import { findProgram, missingTool } from '../../platform/processes.ts';

export interface Tools {
  bwrap: string;
  setpriv: string;
  nsenter: string;
  prlimit: string;
  sh: string;
  node: string;
}

/** Becomes the cage's host user: no groups, no capabilities, no way back. */
export function dropRoot(identity: { uid: number; gid: number }, tools: Tools): string[] {
  return [
    ...[tools.setpriv, '--reuid', String(identity.uid), '--regid', String(identity.gid), '--clear-groups'],
    ...['--inh-caps=-all', '--no-new-privs', '--'],
  ];
}

/** System directories are searched as well: an ordinary user's PATH often lacks sbin. */
export function searchPath(environment: Environment): string {
  return [absoluteEntries(environment['PATH']), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']
    .filter(Boolean)
    .join(':');
}

/** Finds every program a cage needs; throws E_TOOL_MISSING for the first that is absent. */
export function findTools(environment: Environment, nodeBinary: string): Tools {
  const path = searchPath(environment);
  const need = (program: string): string => {
    const found = findProgram(program, path);
    if (found === undefined) throw missingTool(program);
    return found;
  };
  for (const program of ['ip', 'mount']) need(program);
  return {
    ...{ bwrap: need('bwrap'), setpriv: need('setpriv'), nsenter: need('nsenter'), prlimit: need('prlimit') },
    ...{ sh: need('sh'), node: nodeBinary },
  };
}
