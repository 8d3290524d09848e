// Fixed paths of the staging area: a tmpfs in the mount namespace that belongs to the cage's keeper, where everything
// the cage is made of is bound before the cage starts. Sources may lie where the cage's user cannot walk (root's home),
// and later entries into the running cage see the same tree. Nothing here is a path of the host's own file system.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** Exists on every Linux file system and is hidden by the staging tmpfs, in the keeper's namespace only. */
export const STAGE = '/mnt';

export const STAGED = {
  device: `${STAGE}/dev`,
  temporary: `${STAGE}/tmp`,
  run: `${STAGE}/run`,
  programs: `${STAGE}/programs`,
  node: `${STAGE}/node`,
  home: `${STAGE}/home`,
  workspace: `${STAGE}/workspace`,
  lower: `${STAGE}/lower`,
  upper: `${STAGE}/upper`,
  work: `${STAGE}/work`,
  bind: (index: number): string => `${STAGE}/bind-${index}`,
} as const;

/** Names of the generated files in a cage's run directory. */
export const RUN_FILES = {
  arguments: 'cage.args',
  filter: 'seccomp.bpf',
  egressFilter: 'egress.bpf',
  empty: 'empty',
  trust: 'trust',
  etc: 'etc',
} as const;

/** Where the cage finds the certificates: its own authority alone, and the system's bundle with it. */
export const INSIDE_TRUST = '/ironcage';
export const INSIDE_CA = `${INSIDE_TRUST}/ca.pem`;
export const INSIDE_BUNDLE = `${INSIDE_TRUST}/ca-bundle.pem`;

/** The compiled package: the sources are one level below the package's root, as the compiled files are. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const PROGRAMS_DIRECTORY = join(PACKAGE_ROOT, 'dist', 'backends', 'native');
