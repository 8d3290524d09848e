// What cages there are, for people and scripts.
import { mapAtOnce } from '../platform/at-once.ts';
import { errorMessage } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import type { Context } from './context.ts';
import { stateHealth } from './repair.ts';
import type { CageSpec } from './spec.ts';
import { listCageNames, readCageState, readSpec } from './store.ts';
import { storedWorkspaces } from './workspaces.ts';

export interface CageInfo {
  name: string;
  status: 'running' | 'stopped' | 'broken';
  backend: string;
  workspace: string;
  net: string;
  project: string;
  createdAt: string;
  unexported: boolean;
}

/** Every cage of the data root; one that cannot be read is listed as broken. */
export async function listCages(context: Context): Promise<CageInfo[]> {
  return mapAtOnce(CAGES_AT_ONCE, listCageNames(context), (name) => describe(context, name));
}

/** Each has a few processes of git, which mostly wait for one another. */
const CAGES_AT_ONCE = 4;

async function describe(context: Context, name: string): Promise<CageInfo> {
  let spec: CageSpec;
  try {
    spec = await readSpec(context, name);
  } catch {
    // Half-made, or its spec is broken: `show` and `doctor` say which.
    return {
      name,
      status: 'broken',
      backend: 'native',
      workspace: 'copy',
      net: 'filtered',
      project: '',
      createdAt: '',
      unexported: await isUnexported(context, name).catch(() => true),
    };
  }
  return { ...(await infoOf(context, spec)).info };
}

/** What the list says of one cage, and what is wrong with it. */
export async function infoOf(
  context: Context,
  spec: CageSpec,
  age?: 'just made',
): Promise<{ info: CageInfo; problems: string[] }> {
  const problems: string[] = [];
  const { name, backend, workspace, net, project, createdAt } = spec;
  let status: CageInfo['status'] = 'broken';
  let unexported = true;
  try {
    const health = stateHealth(readCageState(context, name));
    status = health === 'running' || health === 'stopped' ? health : 'broken';
    if (status === 'broken')
      problems.push(
        health === 'degraded'
          ? `its egress has ended, so that it has no network: the next run, exec or start of it starts another (ironcage start ${name})`
          : 'a start, a stop or a crash left parts of it: the next command repairs that',
      );
  } catch (error) {
    problems.push(errorMessage(error));
  }
  try {
    unexported = age === undefined && (await isUnexported(context, name));
  } catch (error) {
    // What cannot be read may hold work: it is treated as if it does.
    problems.push(`its work cannot be read: ${errorMessage(error)}`);
  }
  if (!pathExists(project)) problems.push(`its project ${project} is gone`);
  for (const { name: dir, path } of spec.dirs ?? [])
    if (!pathExists(path)) problems.push(`its directory ${dir} is gone from ${path}`);
  return { info: { name, status, backend, workspace, net, project, createdAt, unexported }, problems };
}

async function isUnexported(context: Context, name: string): Promise<boolean> {
  // Loaded here: of a cage that was just made it is not asked.
  const { hasUnexportedWork } = await import('../workspace/unexported.ts');
  for (const { workspace } of await storedWorkspaces(context, name))
    if (await hasUnexportedWork(workspace)) return true;
  return false;
}
