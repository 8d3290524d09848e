// The confinement of an egress as a command line. It sees the shared libraries, the resolver's files, its own program and
// three directories, the only places where it can write; no shell, no tool, no home, no project, no process but its own.
// Its network is the host's. bubblewrap loads the filter and then executes Node, so that execve cannot be refused as well:
// with no second process to be had, all it could do is replace the egress by another Node under the same confinement.
import { join } from 'node:path';
import { pathExists } from '../../platform/files.ts';
import type { CageIdentity } from '../backend.ts';
import { dropRoot, type Tools } from './arguments.ts';
import { linkTarget } from './etc.ts';
import { PACKAGE_ROOT } from './layout.ts';

/** Paths as the egress sees them; the same for every cage. */
export const EGRESS_INSIDE = { ca: '/egress/ca', audit: '/egress/audit', control: '/egress/control' } as const;

/** Bytes of private writable memory, heap and buffers together; past it allocations fail and the egress ends. */
export const EGRESS_MEMORY_BYTES = 512 * 2 ** 20;

/** Descriptors of the start: the channel to the parent, and the system-call filter. */
export const EGRESS_FDS = { channel: 3, filter: 4 } as const;

export interface EgressLaunch {
  identity: CageIdentity;
  callerIsRoot: boolean;
  directories: { ca: string; audit: string; control: string };
  /** Readable files of authorities that the host trusts; bound one by one. */
  authorityFiles: readonly string[];
  /** Where the seccomp filter and the log lie. */
  runDirectory: string;
}

interface Mount {
  source: string;
  target: string;
  writable: boolean;
}

/** Names under which the authority files appear inside, in order. */
export function insideAuthorityFiles(files: readonly string[]): string[] {
  return files.map((_file, index) => `/egress/authority-${index}.pem`);
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

const LIBRARIES = ['/lib', '/lib32', '/lib64', '/usr/lib', '/usr/lib32', '/usr/lib64', '/usr/local/lib', '/nix/store'];
const CERTIFICATES = ['/usr/share/ca-certificates', '/usr/local/share/ca-certificates', '/etc/ssl/certs', '/etc/pki'];
const SETTINGS = ['ssl/openssl.cnf', 'nsswitch.conf', 'gai.conf', 'host.conf', 'ld.so.cache', 'localtime'];
/** No /dev/shm and no terminal: memory of a tmpfs is not counted as the egress's own. */
const DEVICES = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom'];

function mountsOf(launch: EgressLaunch, tools: Tools): Mount[] {
  const { ca, audit, control } = launch.directories;
  const readOnly: (readonly [source: string, target: string])[] = [
    ...[...LIBRARIES, ...CERTIFICATES, ...SETTINGS.map((name) => `/etc/${name}`), '/run/systemd/resolve'].map(
      (path) => [path, path] as const,
    ),
    ...['/etc/resolv.conf', '/etc/hosts'].map((path) => [linkTarget(path), path] as const),
    [tools.node, '/app/node'],
    ...packageInside().binds,
    ...launch.authorityFiles.map((file, index) => [file, `/egress/authority-${index}.pem`] as const),
  ];
  return [
    ...readOnly
      .filter(([source]) => pathExists(source))
      .map(([source, target]) => ({ source, target, writable: false })),
    { source: ca, target: EGRESS_INSIDE.ca, writable: true },
    { source: audit, target: EGRESS_INSIDE.audit, writable: true },
    { source: control, target: EGRESS_INSIDE.control, writable: true },
  ];
}

/** What the egress executes inside. */
export function egressProgram(): string[] {
  const { root } = packageInside();
  // The heap's bound lies well below that of all memory, so that buffers have room of their own.
  return ['/app/node', '--max-semi-space-size=2', '--max-old-space-size=256', `${root}/dist/egress/main.js`];
}

/** The host command line that runs `program` as an egress is run. */
export function egressCommand(launch: EgressLaunch, tools: Tools, program: readonly string[]): string[] {
  const { identity } = launch;
  const mounts = mountsOf(launch, tools);
  const limits = [tools.prlimit, `--data=${EGRESS_MEMORY_BYTES}`, '--core=0', '--'];
  if (!launch.callerIsRoot) {
    const user = ['--uid', String(identity.uid), '--gid', String(identity.gid)];
    return [...limits, tools.bwrap, '--unshare-user', ...user, ...confinement(mounts), '--', ...program];
  }
  // Root alone may walk to the directories: it binds them where everybody can, and is then dropped for good.
  const staged = mounts.map((mount, index) => ({ ...mount, source: `${STAGE}/${index}` }));
  const uid = identity.egressUid;
  return [
    ...[...limits, tools.bwrap, '--cap-add', 'ALL', '--dev-bind', '/', '/', '--perms', '0755', '--tmpfs', STAGE],
    ...mounts.flatMap((mount, index) => bind({ ...mount, target: `${STAGE}/${index}` })),
    ...['--', ...dropRoot({ uid, gid: uid }, tools)],
    ...[tools.bwrap, '--unshare-user', '--uid', String(uid), '--gid', String(uid), ...confinement(staged)],
    ...['--', ...program],
  ];
}

/** Exists on every Linux file system; hidden in the namespace of the egress's start only. */
const STAGE = '/mnt';

function confinement(mounts: readonly Mount[]): string[] {
  return [
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup', '--new-session', '--cap-drop', 'ALL'],
    ...['--clearenv', '--setenv', 'NODE_CHANNEL_FD', String(EGRESS_FDS.channel)],
    ...['--setenv', 'NODE_CHANNEL_SERIALIZATION_MODE', 'json'],
    // bubblewrap makes implied parents for their owner alone, and links of /etc lead through these.
    ...['/app', '/egress', '/dev', '/etc', '/etc/ssl', '/run', '/run/systemd', '/usr', '/usr/local'].flatMap((path) => [
      ...['--perms', '0755', '--dir', path],
    ]),
    ...mounts.flatMap(bind),
    ...DEVICES.flatMap((device) => ['--dev-bind', device, device]),
    ...['--proc', '/proc', '--chdir', '/', '--remount-ro', '/', '--seccomp', String(EGRESS_FDS.filter)],
  ];
}

function bind({ source, target, writable }: Mount): string[] {
  return [writable ? '--bind' : '--ro-bind', source, target];
}
