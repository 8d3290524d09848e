// The spec of a fork: what a cage is made of, under an identity of its own. Nothing that names, serves or is worth something to
// the first cage goes along: name, host users, placeholders, published ports.
import { IronError } from '../platform/errors.ts';
import type { Context } from './context.ts';
import { currentCaller, drawSlot } from './identity.ts';
import { sharePlaceholders } from './join-shared.ts';
import { anotherPlaceholder } from './secrets.ts';
import type { CageSpec } from './spec.ts';

export async function forkSpec(context: Context, origin: CageSpec, name: string): Promise<CageSpec> {
  const { slot: _its, ports: _published, ...rest } = origin;
  const slot = drawSlot(currentCaller());
  const secrets = origin.secrets.map((binding) => ({ ...binding, placeholder: anotherPlaceholder(binding.name) }));
  return {
    ...rest,
    name,
    createdAt: new Date(context.clock.now()).toISOString(),
    generation: 1,
    ...(slot === undefined ? {} : { slot }),
    secrets: await sharePlaceholders(context, origin.profile, secrets),
  };
}

/** Throws E_PROTECTION for a cage whose project is no second one’s to have. */
export function refuseUnforkable({ name, workspace, project, source }: CageSpec): void {
  if (workspace !== 'copy') {
    throw new IronError('E_PROTECTION', {
      message: `the cage ${name} cannot be forked`,
      because: `${project} is mounted: two cages would write in one directory, and neither would have a state of its own`,
      hint: 'make a cage with a copy of it (ironcage create --name NEW --workspace copy)',
    });
  }
  if (source === undefined) return;
  throw new IronError('E_PROTECTION', {
    message: `the cage ${name} cannot be forked`,
    because: `its project is a clone of its own, which goes with it: a fork would be left without a project`,
    hint: `make another from the same address (ironcage create ${source.url} --name NEW), or clone it yourself and make cages of that`,
  });
}
