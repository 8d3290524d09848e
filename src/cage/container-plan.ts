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

/** Undefined for a cage that is no container. Throws E_SPEC_BROKEN for one whose spec names no engine. */
export function containerIdentity({
  spec,
  context,
}: Pick<CageSession, 'spec' | 'context'>): ContainerIdentity | undefined {
  if (spec.backend === 'native') return undefined;
  if (spec.engine === undefined) throw incomplete(spec, 'engine');
  const name = containerName({ spec, context });
  return { engine: spec.backend, name, ...spec.engine, ...(spec.net === 'open' && { router: `${name}-router` }) };
}

/** Takes the container of a cage away; one that is not there is fine. Throws E_BACKEND when its engine does not answer. */
export async function removeCageContainer(context: Context, spec: CageSpec): Promise<void> {
  const container = containerIdentity({ spec, context });
  if (container === undefined) return;
  const [{ engineOf }, { removeContainer }] = await Promise.all([
    import('../backends/container/detect.ts'),
    import('../backends/container/stop.ts'),
  ]);
  const engine = engineOf(container, context.environment);
  await removeContainer(container, engine);
  if (container.router !== undefined) await removeContainer({ name: container.router }, engine);
}

export function containerPlan({ spec, context, paths }: CageSession, identity: ContainerIdentity): ContainerPlan {
  if (spec.image === undefined) throw incomplete(spec, 'image');
  const labels = {
    'ironcage.cage': spec.name,
    'ironcage.data-root': context.dataRoot,
    'ironcage.project': spec.project,
  };
  // What a name stands for can change with every pull: only `upgrade` takes what it stands for then.
  return { identity, image: spec.imageId ?? spec.image, labels, note: paths.container };
}

function incomplete({ name }: CageSpec, what: string): IronError {
  return new IronError('E_SPEC_BROKEN', {
    message: `the spec of ${name} names no ${what}`,
    hint: 'take its work out, remove the cage with `ironcage rm`, and make it anew with --image',
  });
}
