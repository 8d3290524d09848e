// A Node program of ours under a confinement of its own, as a command line: shared libraries, the package, and what it is
// given; no shell, no tool, no home, no project, no process but its own. bubblewrap loads the filter and then executes Node,
// so that execve cannot be refused as well: with no second process to be had, all it could do is replace the program by
// another Node under the same confinement.
import { join } from 'node:path';
import { pathExists } from '../../platform/files.ts';
import { LIBRARIES } from '../../platform/libraries.ts';
import { PACKAGE_ROOT } from '../../platform/package-root.ts';
import type { CageIdentity } from '../backend.ts';
import { RUN_FILES } from './layout.ts';
import { dropRoot, type Tools } from './tools.ts';

const MEMORY_BYTES = 512 * 2 ** 20;
/** Of addresses: from 13 on, in Node 24, V8 reserves them in a way that the kernel counts as memory in use. */
const CODE_RANGE_BYTES = Number.parseInt(process.versions.v8, 10) >= 13 ? 512 * 2 ** 20 : 0;

/** Bytes of private writable memory, heap and buffers together; past it allocations fail and the program ends. */
export const CONFINED_MEMORY_BYTES = MEMORY_BYTES + CODE_RANGE_BYTES;

/** Descriptors of the start: the channel to the parent or the egress, and the system-call filter. */
export const CONFINED_FDS = { channel: 3, filter: 4 } as const;

export interface Mount {
  source: string;
  target: string;
  writable: boolean;
}

export interface ConfinedProgram {
  identity: CageIdentity;
  callerIsRoot: boolean;
  /** Where the files lie that confine it. */
  runDirectory: string;
  /** Besides the libraries, Node and the package. */
  mounts: readonly Mount[];
  /** Directories inside that mounts imply. */
  directories: readonly string[];
  environment: readonly (readonly [name: string, value: string])[];
  /** A command line joins a network: for an ordinary caller together with the user namespace that it belongs to. */
  network: 'none' | 'host' | readonly string[];
  argv: readonly string[];
}

/**
 * Where the package lies inside. Installed, what it needs lies beside it, above it, or behind links of a package manager:
 * all of that is below the outermost node_modules of its path, which is shown as it is.
 */
function packageInside(packageRoot = PACKAGE_ROOT): { root: string; binds: readonly (readonly [string, string])[] } {
  const parts = packageRoot.split('/').filter((part) => part !== '');
  const outermost = parts.indexOf('node_modules');
  if (outermost < 0) {
    const names = ['package.json', 'dist', 'node_modules'];
    return { root: '/app', binds: names.map((name) => [join(packageRoot, name), `/app/${name}`] as const) };
  }
  const source = `/${parts.slice(0, outermost + 1).join('/')}`;
  return { root: join('/app', ...parts.slice(outermost)), binds: [[source, '/app/node_modules']] };
}

const SETTINGS = ['/etc/ssl/openssl.cnf', '/etc/ld.so.cache', '/etc/localtime'];
/** No /dev/shm and no terminal: memory of a tmpfs is not counted as the program's own. */
const DEVICES = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom'];

/** Those that are there. */
export function readOnlyMounts(pairs: readonly (readonly [source: string, target: string])[]): Mount[] {
  return pairs
    .filter(([source]) => pathExists(source))
    .map(([source, target]) => ({ source, target, writable: false }));
}

/** Node inside with a program of this package, named by its path below dist. */
export function nodeProgram(file: string, options: readonly string[], args: readonly string[] = []): string[] {
  return ['/app/node', ...options, `${packageInside().root}/dist/${file}`, ...args];
}

/** The host command line that runs the program. */
export function confinedCommand(confined: ConfinedProgram, tools: Tools): string[] {
  const { identity, callerIsRoot, argv, network, runDirectory } = confined;
  const libraries = [...LIBRARIES, ...SETTINGS].map((path) => [path, path] as const);
  const mounts = [
    ...readOnlyMounts([...libraries, [tools.node, '/app/node'], ...packageInside().binds]),
    // Bounds its heap, and leaves buffers room below the bound of all memory. An option of V8's would do so as well, but with any of
    // them Node compiles its own modules anew instead of taking them from its program: a start takes a third longer.
    { source: join(runDirectory, RUN_FILES.egressMemory), target: '/proc/meminfo', writable: false },
    ...confined.mounts,
  ];
  const joined = typeof network === 'string' ? [] : network;
  const outside = [tools.prlimit, `--data=${CONFINED_MEMORY_BYTES}`, '--core=0', '--', ...joined];
  if (!callerIsRoot) {
    // Below the user namespace of a cage there may be no further one; the rights over it go with all the others.
    const own = ['--unshare-user', '--uid', String(identity.uid), '--gid', String(identity.gid)];
    const user = joined.length === 0 ? own : [];
    return [...outside, tools.bwrap, ...user, ...confinement(confined, mounts), '--', ...argv];
  }
  // Root alone may walk to the directories: it binds them where everybody can, and is then dropped for good.
  const staged = mounts.map((mount, index) => ({ ...mount, source: `${STAGE}/${index}` }));
  const uid = identity.egressUid;
  return [
    ...[...outside, tools.bwrap, '--cap-add', 'ALL', '--dev-bind', '/', '/', '--perms', '0755', '--tmpfs', STAGE],
    ...mounts.flatMap((mount, index) => bind({ ...mount, target: `${STAGE}/${index}` })),
    ...['--', ...dropRoot({ uid, gid: uid }, tools)],
    ...[tools.bwrap, '--unshare-user', '--uid', String(uid), '--gid', String(uid), ...confinement(confined, staged)],
    ...['--', ...argv],
  ];
}

/** Exists on every Linux file system; hidden in the namespace of the program's start only. */
const STAGE = '/mnt';

function confinement({ network, environment, directories }: ConfinedProgram, mounts: readonly Mount[]): string[] {
  return [
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
    ...(network === 'none' ? ['--unshare-net'] : []),
    ...['--new-session', '--cap-drop', 'ALL', '--clearenv'],
    ...environment.flatMap(([name, value]) => ['--setenv', name, value]),
    // bubblewrap makes implied parents for their owner alone.
    ...['/app', '/dev', '/usr', '/usr/local', ...directories].flatMap((path) => ['--perms', '0755', '--dir', path]),
    ...['--proc', '/proc'],
    ...mounts.flatMap(bind),
    ...DEVICES.flatMap((device) => ['--dev-bind', device, device]),
    ...['--chdir', '/', '--remount-ro', '/', '--seccomp', String(CONFINED_FDS.filter)],
  ];
}

function bind({ source, target, writable }: Mount): string[] {
  return [writable ? '--bind' : '--ro-bind', source, target];
}
