// cp with nothing before its eyes but what it copies and where to: whatever a cage puts in the way of a path, no file of this machine
// can come along. It keeps every right of the caller, since owners and marks are to be kept; or becomes, of root's, the owner of all that
// it makes, and keeps of root's rights the one to see every file.
import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { absoluteEntries, hostEnvironment } from './environment.ts';
import { pathExists } from './files.ts';
import { LIBRARIES } from './libraries.ts';
import { findProgram, missingTool } from './processes.ts';

/** Where the source is seen: what cp says of its files begins with this. */
export const SEEN_SOURCE = '/from';

/**
 * The host command line that copies the directory `source` to `target`, which must not exist. `options` are those of cp. `owner`: for root
 * alone.
 */
export function confinedCopy(
  source: string,
  target: string,
  options: readonly string[],
  owner?: { uid: number; gid: number },
): string[] {
  const isRoot = process.geteuid?.() === 0;
  const libraries = [...LIBRARIES, '/etc/ld.so.cache'].filter(pathExists);
  return [
    need('bwrap'),
    ...(isRoot ? ['--cap-add', 'ALL'] : ['--unshare-user', '--uid', id(process.geteuid), '--gid', id(process.getegid)]),
    ...[
      '--unshare-pid',
      '--unshare-ipc',
      '--unshare-net',
      '--die-with-parent',
      '--clearenv',
      '--setenv',
      'LC_ALL',
      'C',
    ],
    // By which cp sets the mode of what it may not open.
    ...['--proc', '/proc'],
    ...libraries.flatMap((path) => ['--ro-bind', path, path]),
    // A program for many names is told by its name which one it is.
    ...['--ro-bind', realpathSync(need('cp')), '/cp'],
    ...(owner === undefined ? [] : ['--ro-bind', realpathSync(need('setpriv')), '/setpriv']),
    ...['--ro-bind', source, SEEN_SOURCE, '--bind', dirname(target), '/to', '--chdir', '/', '--'],
    ...(owner === undefined ? [] : becoming(owner)),
    ...['/cp', ...options, '--no-target-directory', '--', SEEN_SOURCE, `/to/${basename(target)}`],
  ];
}

/** Behind what the source’s owner has closed, and into a directory of root’s. */
const RIGHTS = '-all,+dac_override,+dac_read_search';

function becoming({ uid, gid }: { uid: number; gid: number }): string[] {
  return [
    ...['/setpriv', '--reuid', String(uid), '--regid', String(gid), '--clear-groups'],
    ...['--inh-caps', RIGHTS, '--ambient-caps', RIGHTS, '--'],
  ];
}

function id(read: (() => number) | undefined): string {
  return String(read?.() ?? -1);
}

function need(program: string): string {
  const path = [absoluteEntries(hostEnvironment()['PATH']), '/usr/bin', '/bin'].filter(Boolean).join(':');
  const found = findProgram(program, path);
  if (found === undefined) throw missingTool(program);
  return found;
}
