// From a spec to what the backend is asked to make: binds, workspace, listeners.
import type { Bind, CagePlan, ContainerIdentity, ListenerRequest } from '../backends/backend.ts';
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
import { requireWorkspace } from './workspace-of.ts';

/** `container`: of a cage that is one. */
export async function composePlan(session: CageSession, container: ContainerIdentity | undefined): Promise<CagePlan> {
  const { context, spec, paths, identity, callerIsRoot } = session;
  const workspace = await requireWorkspace(context, spec);
  // Below an overlay lies the project itself.
  if (workspace.strategy === 'overlay') await inspectProject(spec.project);
  const guard = workspace.strategy === 'mount' ? await guardOf(workspace) : { binds: [], masks: [] };
  const node = nodeRuntime({ node: process.execPath });
  const programs = readAgentPrograms(context, spec);
  const readOnly = [
    ...(container === undefined ? node.readOnly : []),
    ...programs.flatMap((program) => program.readOnly),
  ];
  const binds: Bind[] = [
    ...[...new Set(readOnly)].map((path) => ({ source: path, target: path, writable: false })),
    ...workspace.extraReadOnlyBinds.map(({ source, target }) => ({ source, target, writable: false })),
    ...guard.binds,
    ...spec.binds,
    ...cacheBinds(context, spec, callerIsRoot ? identity : undefined),
  ];
  const target = spec.project;
  refuseMountsThroughShared(spec, [target, ...binds.map((bind) => bind.target), ...workspace.maskedPaths]);
  return {
    name: spec.name,
    identity,
    callerIsRoot,
    runDirectory: paths.run,
    tmpDirectory: paths.tmp,
    homeDirectory: homeOf(context, spec, paths),
    homeTarget: spec.home,
    workspace:
      workspace.strategy === 'overlay'
        ? { kind: 'overlay', lower: spec.project, ...workspace.directories, target }
        : { kind: 'directory', source: workspace.directories.tree, target, writable: workspace.writable },
    binds,
    masks: [...workspace.maskedPaths, ...guard.masks],
    env: cageEnvironment(session),
    limits: { memoryBytes: spec.limits.memoryBytes, pids: spec.limits.pids, cpus: spec.limits.cpus },
    listeners: cageListeners(session),
    ...(container === undefined ? {} : { container: containerPlan(session, container) }),
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
