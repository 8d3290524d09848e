// Nothing is started in a cage whose network is not the one that was made for it. Every way into a cage passes here, so it
// must stay cheap: a few files of /proc, no process, no engine.
import { CAGE_DEVICE, networkFault, type SocketTables } from '../backends/host/cage-network.ts';
import { IronError } from '../platform/errors.ts';
import { requiredListeners } from './policy.ts';
import type { CageSpec } from './spec.ts';
import type { RunningState } from './state.ts';

/** Throws E_PROTECTION that says what is wrong. The caller has seen that the cage's processes live. `sockets`: see networkFault. */
export async function confirmNetwork(
  { name, net }: Pick<CageSpec, 'name' | 'net'>,
  { init, egress, gate }: Pick<RunningState, 'init' | 'egress' | 'gate'>,
  sockets?: Promise<SocketTables>,
): Promise<void> {
  const expected =
    net === 'open'
      ? { init, egress: undefined, devices: [CAGE_DEVICE], listeners: [] }
      : { init, egress: gate ?? egress, devices: [], listeners: requiredListeners(), ...(sockets && { sockets }) };
  const because = await networkFault(expected);
  if (because === undefined) return;
  throw new IronError('E_PROTECTION', {
    message: `the network of ${name} is not as it was made, so nothing is started in it`,
    because,
    hint: `have it made anew: ironcage restart ${name}`,
  });
}
