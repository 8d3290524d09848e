// A bare address has no name to vet: it passes only where a rule lists exactly this address. Metadata services never do.
import { isMetadataAddress } from '../addresses.ts';
import { isAddressLiteral, normaliseHost } from '../hosts.ts';
import type { Inspector } from '../inspector.ts';
import { remedyFor } from '../remedy.ts';

export const addressLiteral: Inspector = {
  name: 'address-literal',
  inspect(exchange, { policy }) {
    if (normaliseHost(exchange.host) !== exchange.host) {
      return { action: 'deny', rule: '<authority>', reason: 'the host is not in canonical form', remedy: '' };
    }
    if (!isAddressLiteral(exchange.host)) return undefined;
    if (isMetadataAddress(exchange.host)) {
      const reason = 'the address belongs to a metadata service, which no rule can allow';
      return { action: 'deny', rule: '<metadata>', reason, remedy: '' };
    }
    if (policy.rules.some((rule) => rule.effect === 'allow' && rule.host === exchange.host)) return undefined;
    const reason = 'a bare address needs a rule that lists exactly this address';
    return { action: 'deny', rule: '<address>', reason, remedy: remedyFor(exchange) };
  },
};
