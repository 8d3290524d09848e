// Fixed paths of the staging area: a tmpfs in the mount namespace that belongs to the cage's keeper, where everything
// the cage is made of is bound before the cage starts. Sources may lie where the cage's user cannot walk (root's home),
// and later entries into the running cage see the same tree. Nothing here is a path of the host's own file system.
/** Exists on every Linux file system and is hidden by the staging tmpfs, in the keeper's namespace only. */
export const STAGE = '/mnt';

export const STAGED = {
  device: `${STAGE}/dev`,
  temporary: `${STAGE}/tmp`,
  run: `${STAGE}/run`,
  programs: `${STAGE}/programs`,
  node: `${STAGE}/node`,
  home: `${STAGE}/home`,
  bus: `${STAGE}/bus`,
  workspace: (index: number): string => `${STAGE}/workspace-${index}`,
  lower: (index: number): string => `${STAGE}/lower-${index}`,
  upper: (index: number): string => `${STAGE}/upper-${index}`,
  bind: (index: number): string => `${STAGE}/bind-${index}`,
} as const;
