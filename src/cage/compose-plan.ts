// From a spec to what the backend is asked to make: binds, workspaces, listeners.
import type { Bind, CagePlan, ContainerIdentity, ListenerRequest, WorkspacePlan } from '../backends/backend.ts';
import { nodeRuntime } from '../agents/node-runtime.ts';
import type { MountGuard } from '../workspace/mount-guard.ts';
import { inspectProject } from '../workspace/project.ts';
import type { PreparedWorkspace } from '../workspace/workspace.ts';
import { readAgentPrograms } from './agent-programs.ts';
import { cageEnvironment } from './cage-environment.ts';
import { containerPlan } from './container-plan.ts';
import { listenedPorts, requiredListeners } from './policy.ts';
import type { CageSession } from './session.ts';
import { cacheBinds, homeOf, refuseMountsThroughShared } from './shared-places.ts';
import type { CageSpec } from './spec.ts';
import { requireWorkspace, workspacePlaces, type WorkspacePlace } from './workspaces.ts';

/** `container`: of a cage that is one. */
export async function composePlan(session: CageSession, container: ContainerIdentity | undefined): Promise<CagePlan> {
  const { context, spec, paths, identity, callerIsRoot } = session;
  const laid = await Promise.all(workspacePlaces(context, spec).map((place) => lay(spec, place)));
  const node = nodeRuntime({ node: process.execPath });
  const programs = readAgentPrograms(context, spec);
  const readOnly = [
    ...(container === undefined ? node.readOnly : []),
    ...programs.flatMap((program) => program.readOnly),
  ];
  const binds: Bind[] = [
    ...[...new Set(readOnly)].map((path) => ({ source: path, target: path, writable: false })),
    // Work trees of one repository read the same objects.
    ...new Map(laid.flatMap(({ binds: own }) => own).map((bind) => [bind.target, bind])).values(),
    ...spec.binds,
    ...cacheBinds(context, spec, callerIsRoot ? identity : undefined),
  ];
  const masks = laid.flatMap((each) => each.masks);
  const workspaces = laid.map(({ workspace }) => workspace);
  refuseMountsThroughShared(spec, [...[...workspaces, ...binds].map(({ target }) => target), ...masks]);
  return {
    name: spec.name,
    identity,
    callerIsRoot,
    runDirectory: paths.run,
    tmpDirectory: paths.tmp,
    busDirectory: paths.bus,
    homeDirectory: homeOf(context, spec, paths),
    homeTarget: spec.home,
    workspaces,
    binds,
    masks,
    env: cageEnvironment(session),
    limits: { memoryBytes: spec.limits.memoryBytes, pids: spec.limits.pids, cpus: spec.limits.cpus },
    listeners: cageListeners(session),
    ...(container === undefined ? {} : { container: containerPlan(session, container) }),
  };
}

interface LaidWorkspace {
  workspace: WorkspacePlan;
  /** What belongs to it besides itself. */
  binds: readonly Bind[];
  masks: readonly string[];
}

async function lay(spec: CageSpec, place: WorkspacePlace): Promise<LaidWorkspace> {
  const prepared = await requireWorkspace(spec, place);
  const { strategy, directories, writable, extraReadOnlyBinds, maskedPaths } = prepared;
  const target = place.path;
  // Below an overlay lies the project itself.
  if (strategy === 'overlay') await inspectProject(target);
  const guard = strategy === 'mount' ? await guardOf(prepared) : { binds: [], masks: [] };
  return {
    workspace:
      strategy === 'overlay'
        ? { kind: 'overlay', lower: target, ...directories, target }
        : { kind: 'directory', source: directories.tree, target, writable },
    binds: [...extraReadOnlyBinds.map((bind) => ({ ...bind, writable: false })), ...guard.binds],
    masks: [...maskedPaths, ...guard.masks],
  };
}

async function guardOf(workspace: PreparedWorkspace): Promise<MountGuard> {
  const { guardMount } = await import('../workspace/mount-guard.ts');
  return guardMount(workspace);
}

/** What the egress of this cage listens on. */
export function cageListeners({ spec }: Pick<CageSession, 'spec'>): ListenerRequest[] {
  if (spec.net === 'open') return [];
  const required = requiredListeners();
  const more = listenedPorts(spec).filter((port) => !required.some((listener) => listener.port === port));
  return [...more.map((port): ListenerRequest => ({ purpose: 'tcp', port })), ...required];
}
