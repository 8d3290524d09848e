// What a cage's home begins with: the user's own seed directory, then the files that an agent's first start would ask for.
// Both before anything runs in the cage, and neither over what is there.
import { dirname, join } from 'node:path';
import type { AgentProfile } from '../agents/profile.ts';
import { createFileBeneath } from '../platform/beneath.ts';
import { pathExists } from '../platform/files.ts';
import { copyTree, type Owner, type SkippedFile } from '../workspace/copy-tree.ts';
import type { Context } from './context.ts';
import type { CageSpec } from './spec.ts';

/** Copies `home` beside the user's config.toml into a home that is still empty. Returns what could not come along. */
export async function copySeed(
  { configFile }: Pick<Context, 'configFile'>,
  home: string,
  owner: Owner | undefined,
): Promise<SkippedFile[]> {
  const seed = join(dirname(configFile), 'home');
  if (!pathExists(seed)) return [];
  return copyTree({ source: Buffer.from(seed), target: Buffer.from(home), owner });
}

/** Puts an agent's first-start files into a home; files that are there stay. */
export function seedHome(
  home: string,
  profile: AgentProfile,
  spec: Pick<CageSpec, 'project' | 'secrets'>,
  owner: Owner | undefined,
): void {
  const placeholders = Object.fromEntries(spec.secrets.map(({ name, placeholder }) => [name, placeholder]));
  for (const { path, content } of profile.homeFiles({ project: spec.project, placeholders })) {
    createFileBeneath(home, path, content, 0o600, owner);
  }
}
