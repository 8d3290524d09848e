// Where the generated parts of a cage lie: names in its run directory, fixed paths inside, and our own compiled programs.
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../platform/package-root.ts';

/** Names of the generated files in a cage's run directory. */
export const RUN_FILES = {
  arguments: 'cage.args',
  filter: 'seccomp.bpf',
  egressFilter: 'egress.bpf',
  egressMemory: 'egress.meminfo',
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

/** This machine's Node, for our own programs and for agents that are scripts: where it hides none of an image's own. */
export const INSIDE_NODE = `${INSIDE_TRUST}/node`;

/** Where inside and outside hand one another files: runs and messages. Written by the cage, so that all in it is hostile. */
export const INSIDE_BUS = `${INSIDE_TRUST}/bus`;

/** Programs of ours for whoever works inside, on the search path; what they are made of lies in the other. */
export const INSIDE_BIN = `${INSIDE_TRUST}/bin`;
export const INSIDE_GUEST = `${INSIDE_TRUST}/guest`;

/** Of our own programs, compiled. */
export const PROGRAMS_DIRECTORY = join(PACKAGE_ROOT, 'dist', 'backends');

/** Of those that run inside. */
export const GUEST_DIRECTORY = join(PACKAGE_ROOT, 'dist', 'guest');
