// Where SELinux is enforced a container reads and writes only what is labelled for containers. What is ironcage's own is labelled so;
// a project of the user's never is, since its labels are what keeps others out: one that does not fit is refused by name.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import { isInside } from '../../platform/files.ts';
import { run } from '../../platform/processes.ts';
import type { CagePlan, WorkspacePlan } from '../backend.ts';

/** Types that the policy of containers lets them write to, or read alone. */
const WRITABLE_TYPES = ['container_file_t', 'svirt_sandbox_file_t'];
const READABLE_TYPES = [...WRITABLE_TYPES, 'container_ro_file_t', 'container_share_t', 'usr_t'];

/** As a shared label, of no category: a container's own categories are known only when it exists. */
const OURS = ['--recursive', '--type=container_file_t', '--range=s0'];

type Labelled = Pick<
  CagePlan,
  'runDirectory' | 'tmpDirectory' | 'busDirectory' | 'homeDirectory' | 'workspaces' | 'binds'
>;

export interface SelinuxFacts {
  isEnforced: boolean;
  /** Of each workspace that lies where it is seen: `user:role:type:level`, or undefined where it cannot be told. */
  labels: readonly (string | undefined)[];
}

/** Directories to be labelled for containers. Throws E_PROTECTION for a mounted project that a container could not use. */
export function directoriesToLabel(plan: Labelled, { isEnforced, labels }: SelinuxFacts): string[] {
  if (!isEnforced) return [];
  const cage = dirname(plan.runDirectory);
  const own = [
    ...[plan.runDirectory, plan.tmpDirectory, plan.busDirectory, plan.homeDirectory],
    ...plan.binds.flatMap(({ source }) => (isInside(source, cage) ? [source] : [])),
  ];
  return [...own, ...plan.workspaces.flatMap((workspace, index) => workspaceToLabel(workspace, labels[index]))];
}

function workspaceToLabel(workspace: WorkspacePlan, label: string | undefined): string[] {
  if (workspace.kind === 'overlay') return [];
  const { source, target, writable } = workspace;
  // A copy lies elsewhere than it is seen; what is mounted where it lies is the user's.
  if (source !== target) return [source];
  const type = label?.split(':')[2] ?? 'unknown';
  if ((writable ? WRITABLE_TYPES : READABLE_TYPES).includes(type)) return [];
  throw new IronError('E_PROTECTION', {
    message: `SELinux keeps containers out of ${source}`,
    because: `its label is ${label ?? 'unknown'}, and ironcage relabels nothing of yours`,
    hint: `use --workspace copy or --backend native; or, if other containers may use it too: chcon -R -t container_file_t ${source}`,
  });
}

/** Labels what is ours, where that is needed. */
export async function labelForContainers(plan: Labelled, path: string): Promise<void> {
  if (!isEnforced()) return;
  const labels = await Promise.all(plan.workspaces.map((workspace) => labelOf(workspace, path)));
  const directories = directoriesToLabel(plan, { isEnforced: true, labels });
  const { exitCode, stderr } = await run('chcon', [...OURS, '--', ...directories], { env: { PATH: path } });
  if (exitCode === 0) return;
  throw new IronError('E_PROTECTION', {
    message: 'the files of the cage cannot be labelled for containers',
    because: stderr.trim().slice(0, 300),
    hint: 'SELinux is enforced here; chcon of coreutils must be allowed to label what lies below the data root',
  });
}

function isEnforced(): boolean {
  try {
    return readFileSync('/sys/fs/selinux/enforce', 'utf8').trim() === '1';
  } catch {
    // No SELinux.
    return false;
  }
}

async function labelOf(workspace: WorkspacePlan, path: string): Promise<string | undefined> {
  if (workspace.kind === 'overlay' || workspace.source !== workspace.target) return undefined;
  const { exitCode, stdout } = await run('stat', ['--format=%C', '--', workspace.source], { env: { PATH: path } });
  return exitCode === 0 ? stdout.toString('utf8').trim() : undefined;
}
