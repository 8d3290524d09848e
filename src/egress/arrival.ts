// What a connection says about its destination before its first byte: inside a cage every address leads to the egress, so
// the accepted socket's own address is the one that was asked for.
import { normaliseHost } from '../policy/hosts.ts';
import type { Claim } from './authority.ts';
import type { Origin } from './judge.ts';
import type { ConnectionEnds } from './proxy-header.ts';
import { isSynthetic, type SyntheticNames } from './synthetic-names.ts';

export interface Arrival extends Origin {
  /** The name to speak TLS for where the client names none. */
  readonly fallbackName: string | undefined;
}

/** Clients of the proxy name their destination themselves. */
export function arrivalOf(purpose: 'tcp' | 'proxy', { local, peer }: ConnectionEnds, names: SyntheticNames): Arrival {
  if (purpose === 'proxy') return { scheme: 'http', port: undefined, claims: [], peer, fallbackName: undefined };
  // A listener for both families shows IPv4 addresses in their IPv6 form.
  const address = normaliseHost(local.address.replace(/^::ffff:(?=\d+\.)/, ''));
  const name = address === undefined ? undefined : names.nameOf(address);
  const claims: Claim[] = name === undefined ? [] : [{ source: 'the destination address', host: name }];
  // A synthetic address stands for a name alone; any other is a literal that nobody gave a name to.
  const literal = address === undefined || isSynthetic(address) ? undefined : address;
  return { scheme: 'http', port: local.port, claims, peer, fallbackName: name ?? literal };
}
