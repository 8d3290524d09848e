// At a host that a secret is bound to, nobody else's credential passes: with a key of their own, an attacker could have an
// agent upload the project to the attacker's account at an allowed vendor.
import type { Inspector } from '../inspector.ts';
import { readSlot, slotHeader } from '../slots.ts';
import type { Exchange, PlaceholderBinding } from '../types.ts';

/** Headers and query keys by which model vendors and forges take credentials. */
const CREDENTIAL_HEADERS: readonly string[] = [
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'private-token',
];
const CREDENTIAL_QUERY_KEYS: readonly string[] = ['key', 'api_key', 'apikey', 'access_token'];

export const credential: Inspector = {
  name: 'credential',
  inspect(exchange, { bindings }) {
    const bound = bindings.filter((binding) => binding.hosts.includes(exchange.host));
    if (bound.length === 0) return undefined;
    const guarded = new Set([...CREDENTIAL_HEADERS, ...bound.flatMap((binding) => binding.slots.map(slotHeader))]);
    const isForeign = exchange.headers.some(
      (header) => guarded.has(header[0].toLowerCase()) && header[1] !== '' && !isOurs(header, bound),
    );
    if (isForeign || hasCredentialInQuery(exchange.query)) {
      const reason = 'this host takes only the credential that ironcage puts in, and the request carries another one';
      return { action: 'deny', rule: '<foreign-credential>', reason, remedy: '' };
    }
    return undefined;
  },
};

function isOurs(header: Exchange['headers'][number], bound: readonly PlaceholderBinding[]): boolean {
  return bound.some((binding) =>
    binding.slots.some((slot) => readSlot(slot, header)?.credential === binding.placeholder),
  );
}

function hasCredentialInQuery(query: string): boolean {
  if (query === '') return false;
  return Array.from(new URLSearchParams(query).keys()).some((key) => CREDENTIAL_QUERY_KEYS.includes(key.toLowerCase()));
}
