// Ports of a cage that its egress answers on: whoever reached those from outside would be served as the cage is, with its rules
// and its secrets. They are never published.
import { IronError } from '../platform/errors.ts';
import { DNS_PORT, listenedPorts, PROXY_PORT } from './policy.ts';
import type { PublishedPort } from './published-port.ts';
import type { CageSpec } from './spec.ts';

/** Throws E_USAGE for the first port that leads to the egress of this cage. */
export function refuseEgressPorts(
  spec: Pick<CageSpec, 'name' | 'rules'>,
  ports: readonly Pick<PublishedPort, 'cagePort'>[],
): void {
  const own = [...listenedPorts(spec), PROXY_PORT, DNS_PORT];
  const clash = ports.find(({ cagePort }) => own.includes(cagePort));
  if (clash === undefined) return;
  throw new IronError('E_USAGE', {
    message: `port ${clash.cagePort} inside ${spec.name} cannot be published while its egress answers on it`,
    because: `the egress answers on ${own.join(', ')}: the web’s ports, those that rules name, and its own`,
    hint: 'have the server inside listen on another port, such as 8080, and publish that one; or leave out the rule that names this one',
  });
}
