// Where the generated parts of a cage lie: names in its run directory, fixed paths inside, and our own compiled programs.
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../platform/package-root.ts';

/** Names of the generated files in a cage's run directory. */
export const RUN_FILES = {
  arguments: 'cage.args',
  filter: 'seccomp.bpf',
  egressFilter: 'egress.bpf',
  empty: 'empty',
  trust: 'trust',
  etc: 'etc',
} as const;

/** Unix sockets by which the gate of a container and this machine's programs find one another. */
export function gateSockets(runDirectory: string): string {
  return join(runDirectory, 'gate');
}

/** Where the cage finds the certificates: its own authority alone, and the system's bundle with it. */
export const INSIDE_TRUST = '/ironcage';
export const INSIDE_CA = `${INSIDE_TRUST}/ca.pem`;
export const INSIDE_BUNDLE = `${INSIDE_TRUST}/ca-bundle.pem`;

/** Of our own programs, compiled. */
export const PROGRAMS_DIRECTORY = join(PACKAGE_ROOT, 'dist', 'backends');
