// What makes a container the one of a cage: its name, its labels, its engine.
import { createHash } from 'node:crypto';
import type { ContainerIdentity, ContainerPlan } from '../backends/backend.ts';
import { IronError } from '../platform/errors.ts';
import type { Context } from './context.ts';
import type { CageSession } from './session.ts';
import type { CageSpec } from './spec.ts';

/** Characters of a cage's name that stand in that of its container; both are bounded, and the digest tells them apart. */
const MOST_SLUG = 40;

/** Unique on this machine: two data roots may have cages of one name. */
function containerName({ spec, context }: Pick<CageSession, 'spec' | 'context'>): string {
  const digest = createHash('sha256').update(`${context.dataRoot}\0${spec.name}`).digest('hex').slice(0, 8);
  return `ironcage-${spec.name
    .toLowerCase()
    .slice(0, MOST_SLUG)
    .replace(/[^a-z0-9]+$/, '')}-${digest}`;
}

/** Takes the container of a cage away; one that is not there is fine. Throws E_BACKEND when no engine answers. */
export async function removeCageContainer(context: Context, spec: CageSpec): Promise<void> {
  if (spec.backend === 'native') return;
  const [{ requireEngine }, { removeContainer }] = await Promise.all([
    import('../backends/container/detect.ts'),
    import('../backends/container/stop.ts'),
  ]);
  const engine = await requireEngine(spec.backend, context.environment);
  await removeContainer({ name: containerName({ spec, context }) }, engine);
}

/** Undefined for a cage that is no container. Throws E_BACKEND when no engine answers. */
export async function containerIdentity(session: CageSession): Promise<ContainerIdentity | undefined> {
  const { spec, context } = session;
  if (spec.backend === 'native') return undefined;
  const { requireEngine } = await import('../backends/container/detect.ts');
  const { kind: engine, selectors, rootless, limits } = await requireEngine(spec.backend, context.environment);
  return { engine, name: containerName(session), selectors, rootless, limits };
}

export function containerPlan({ spec, context }: CageSession, identity: ContainerIdentity): ContainerPlan {
  if (spec.image === undefined) {
    throw new IronError('E_SPEC_BROKEN', {
      message: `the spec of ${spec.name} names no image`,
      hint: 'remove the cage with `ironcage rm` and make it anew with --image',
    });
  }
  const labels = {
    'ironcage.cage': spec.name,
    'ironcage.data-root': context.dataRoot,
    'ironcage.project': spec.project,
  };
  return { identity, image: spec.image, labels };
}
