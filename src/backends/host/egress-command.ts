// The confinement of an egress: what it sees besides itself is the resolver's files, the certificates that the host trusts and
// three directories, the only places where it can write. Its network is the host's.
import type { CageIdentity } from '../backend.ts';
import type { Tools } from './tools.ts';
import { confinedCommand, CONFINED_FDS, nodeProgram, readOnlyMounts, type Mount } from './confined-command.ts';
import { linkTarget } from './etc.ts';

/** Paths as the egress sees them; the same for every cage. */
export const EGRESS_INSIDE = { ca: '/egress/ca', audit: '/egress/audit', control: '/egress/control' } as const;

export interface EgressLaunch {
  identity: CageIdentity;
  callerIsRoot: boolean;
  directories: { ca: string; audit: string; control: string };
  /** Readable files of authorities that the host trusts; bound one by one. */
  authorityFiles: readonly string[];
  /** Where the seccomp filter and the log lie. */
  runDirectory: string;
}

/** Names under which the authority files appear inside, in order. */
export function insideAuthorityFiles(files: readonly string[]): string[] {
  return files.map((_file, index) => `/egress/authority-${index}.pem`);
}

const CERTIFICATES = ['/usr/share/ca-certificates', '/usr/local/share/ca-certificates', '/etc/ssl/certs', '/etc/pki'];
const RESOLVER = ['/etc/nsswitch.conf', '/etc/gai.conf', '/etc/host.conf', '/run/systemd/resolve'];

function mountsOf({ directories, authorityFiles }: EgressLaunch): Mount[] {
  const { ca, audit, control } = directories;
  return [
    ...readOnlyMounts([
      ...[...CERTIFICATES, ...RESOLVER].map((path) => [path, path] as const),
      ...['/etc/resolv.conf', '/etc/hosts'].map((path) => [linkTarget(path), path] as const),
      ...authorityFiles.map((file, index) => [file, `/egress/authority-${index}.pem`] as const),
    ]),
    { source: ca, target: EGRESS_INSIDE.ca, writable: true },
    { source: audit, target: EGRESS_INSIDE.audit, writable: true },
    { source: control, target: EGRESS_INSIDE.control, writable: true },
  ];
}

/** What the egress executes inside. */
export function egressProgram(): string[] {
  // One thread for the collector and the compiler is as fast here and takes some megabytes less.
  return nodeProgram('backends/packed/egress.js', ['--v8-pool-size=1']);
}

/** The host command line that runs `argv` as an egress is run. */
export function egressCommand(launch: EgressLaunch, tools: Tools, argv: readonly string[]): string[] {
  const { identity, callerIsRoot, runDirectory } = launch;
  return confinedCommand(
    {
      ...{ identity, callerIsRoot, runDirectory, argv, network: 'host', mounts: mountsOf(launch) },
      // Links of /etc lead through these.
      directories: ['/egress', '/etc', '/etc/ssl', '/run', '/run/systemd'],
      environment: [
        ['NODE_CHANNEL_FD', String(CONFINED_FDS.channel)],
        ['NODE_CHANNEL_SERIALIZATION_MODE', 'json'],
      ],
    },
    tools,
  );
}
