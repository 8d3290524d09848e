// The system programs of the native backend, found once per command, by absolute path.
import { absoluteEntries, type Environment } from '../../platform/environment.ts';
import { findProgram, missingTool } from '../../platform/processes.ts';
import type { Tools } from './arguments.ts';

/** System directories are searched as well: an ordinary user's PATH often lacks sbin. */
export function searchPath(environment: Environment): string {
  return [absoluteEntries(environment['PATH']), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']
    .filter(Boolean)
    .join(':');
}

/** Finds every program a native cage needs; throws E_TOOL_MISSING for the first that is absent. */
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
