// The Node that runs ironcage, for agents that are scripts: wherever nvm, volta, fnm, asdf, mise or a tarball put it.
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isInside, pathExists } from '../platform/files.ts';
import type { Machine } from './machine.ts';

export interface NodeRuntime {
  /** Absolute path of node. */
  program: string;
  /** Its directory, for PATH inside. */
  binDirectory: string;
  /** Host paths to bind read-only at the same path; empty for a Node of the system. */
  readOnly: string[];
}

export function nodeRuntime(machine: Pick<Machine, 'node'>, home = homedir()): NodeRuntime {
  const program = machine.node;
  const binDirectory = dirname(program);
  const prefix = dirname(binDirectory);
  if (isInside(program, '/usr') || isInside(program, '/opt')) return { program, binDirectory, readOnly: [] };
  const npm = join(prefix, 'lib/node_modules/npm');
  // A prefix of Node's own holds nothing else; a bin directory shared with the user's other programs is not shown.
  const own =
    basename(binDirectory) === 'bin' && pathExists(npm) && ![home, join(home, '.local'), '/'].includes(prefix);
  return { program, binDirectory, readOnly: own && !isInside(home, prefix) ? [binDirectory, npm] : [program] };
}
