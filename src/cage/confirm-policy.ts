// A cage never runs with an unconfirmed policy: what an egress says it serves is compared with what the spec asks for, and a
// cage that runs with anything else is put right or refused before something runs in it.
import { join } from 'node:path';
import type { ControlAnswer, ControlRequest, EgressGeneration } from '../egress/config.ts';
import { generationHash } from '../egress/generation.ts';
import { IronError, toIronError } from '../platform/errors.ts';
import type { Context } from './context.ts';
import { cagePolicy, egressGeneration } from './policy.ts';
import type { CageSpec } from './spec.ts';
import type { RunningState } from './state.ts';
import { cagePaths, writeCageState, writeSpec } from './store.ts';

export const CONTROL_TIMEOUT_MS = 5_000;

/** What an egress says of the settings it serves. */
interface Served {
  generation: number;
  hash: string;
}

function isServed(served: Served, expected: Served): boolean {
  return served.generation === expected.generation && served.hash === expected.hash;
}

/** What the egress of a cage must say that it serves. */
export function expectedGeneration(spec: CageSpec): Served {
  const { generation, secrets, routes } = spec;
  const bindings = secrets.map(({ name, hosts, slots, placeholder }) => ({ name, hosts, slots, placeholder }));
  const hash = generationHash({ generation, policy: cagePolicy(spec), bindings, secretValues: {}, routes });
  return { generation, hash };
}

/**
 * The state of a running cage whose egress has confirmed the policy of the spec. A change that was cut off between the two is
 * finished. The caller holds the lock. Throws E_EGRESS when the egress does not confirm: then nothing may run in the cage.
 */
export async function confirmPolicy(context: Context, spec: CageSpec, state: RunningState): Promise<RunningState> {
  if (isServed(state, expectedGeneration(spec))) return state;
  context.progress(`the egress of ${spec.name} serves another policy than the cage has: it is told again`);
  const status = await ask(context, spec.name, { op: 'status' });
  let confirmed = expectedGeneration(spec);
  if (!isServed(status, confirmed)) {
    // The number may be used up: an egress takes only newer ones, and its answer to the last may have been lost.
    const next: CageSpec = { ...spec, generation: Math.max(spec.generation, status.generation + 1) };
    confirmed = expectedGeneration(next);
    writeSpec(context, next);
    const refusal = await offerGeneration(context, spec.name, await egressGeneration(context, next), confirmed.hash);
    if (refusal !== undefined) throw refusal;
  }
  const repaired: RunningState = { ...state, ...confirmed };
  writeCageState(context, spec.name, repaired);
  return repaired;
}

/** Has a running egress take new settings. The refusal, where it does not serve exactly these. Throws E_EGRESS without an answer. */
export async function offerGeneration(
  context: Context,
  name: string,
  generation: EgressGeneration,
  hash: string,
): Promise<IronError | undefined> {
  const answer = await ask(context, name, { op: 'apply', generation });
  if (answer.ok && isServed(answer, { generation: generation.generation, hash })) return undefined;
  return new IronError('E_EGRESS', {
    message: 'the egress did not take the new rules; the old ones stay in force',
    because: answer.ok ? `it reports generation ${answer.generation}` : answer.message,
    hint: `try again, or restart the cage: ironcage restart ${name}`,
  });
}

async function ask(context: Context, name: string, request: ControlRequest): Promise<ControlAnswer> {
  // Loaded here: nearly always the state says already that egress and spec agree.
  const { sendControl } = await import('../egress/client.ts');
  try {
    return await sendControl(controlSocket(context, name), request, CONTROL_TIMEOUT_MS);
  } catch (error) {
    throw new IronError('E_EGRESS', {
      message: `the egress of ${name} does not answer`,
      because: toIronError(error).because,
      hint: `restart the cage: ironcage restart ${name}`,
      cause: error,
    });
  }
}

export function controlSocket(context: Context, name: string): string {
  return join(cagePaths(context, name).egress.control, 'control.sock');
}
