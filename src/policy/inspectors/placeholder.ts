// A placeholder is good in its bound slot at its bound host, whole, over TLS. Anywhere else, in any usual encoding, it is
// somebody trying to move a secret to where it does not belong.
import type { Inspector } from '../inspector.ts';
import { appearsIn, readings } from '../traces.ts';
import { readSlot } from '../slots.ts';
import type { Exchange, PlaceholderBinding } from '../types.ts';

export const placeholder: Inspector = {
  name: 'placeholder',
  inspect(exchange, { bindings }) {
    if (bindings.length === 0) return undefined;
    const everywhere = [exchange.host, exchange.path, exchange.query, ...exchange.headers.flat()];
    const text = readings(everywhere.join('\n'));
    for (const binding of bindings) {
      if (!appearsIn(binding, text)) continue;
      const fault = misuse(binding, exchange);
      if (fault !== undefined) {
        const reason = `the placeholder of ${binding.name} ${fault}`;
        return { action: 'deny', rule: '<placeholder>', reason, remedy: '' };
      }
    }
    return undefined;
  },
};

function misuse(binding: PlaceholderBinding, exchange: Exchange): string | undefined {
  if (!binding.hosts.includes(exchange.host)) return 'was sent to a host that it is not bound to';
  const elsewhere = [exchange.host, exchange.path, exchange.query];
  for (const header of exchange.headers) {
    if (!binding.slots.some((slot) => isExactly(binding.placeholder, readSlot(slot, header))))
      elsewhere.push(...header);
  }
  // A user name beside the password is read through the header's own decoding, not as part of the slot.
  for (const slot of binding.slots) {
    for (const header of exchange.headers) elsewhere.push(readSlot(slot, header)?.rest ?? '');
  }
  if (appearsIn(binding, readings(elsewhere.join('\n')))) return 'was sent outside of its bound slot';
  if (exchange.scheme !== 'https') return 'was sent without TLS';
  return undefined;
}

function isExactly(text: string, content: { credential: string } | undefined): boolean {
  return content?.credential === text;
}
