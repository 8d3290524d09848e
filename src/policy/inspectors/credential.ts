// Nobody else's credential passes at a host that a secret is bound to, that a bundle opens, that sells inference or that
// keeps objects: with a key of their own, an attacker could have an agent upload the project to the attacker's account.
import { MODEL_HOSTS } from '../bundles.ts';
import { matchesHost } from '../hosts.ts';
import type { InspectionContext, Inspector } from '../inspector.ts';
import { queryKeys } from '../queries.ts';
import { readSlot, slotHeader } from '../slots.ts';
import { isBucketHost } from '../stores.ts';
import type { Exchange, PlaceholderBinding } from '../types.ts';

type Header = Exchange['headers'][number];

/** What vendors, forges and registries call a header that proves who one is: `x-goog-api-key`, `private-token`, `npm-otp`. */
const CREDENTIAL_HEADER =
  /(?:^|[-_])(?:(?:proxy[-_])?authori[sz]ation|auth|api[-_]?key|access[-_]?key|token|secret|password|passwd|credentials?|otp|jwt)$/;
/** Whole keys: a `continuation-token` of a listing opens nothing. */
const CREDENTIAL_QUERY_KEY =
  /^(?:\$?key|(?:x[-_])?(?:goog[-_])?api[-_]?key|(?:aws)?access[-_]?key(?:[-_]?id)?|(?:access|api|auth|bearer|client|deploy|id|job|oauth|private|refresh|security|session|user)?[-_]?token|auth|authorization|(?:client[-_]?)?secret|password|passwd|pwd|credentials?|jwt|otp|sig|(?:.*[-_])?(?:signature|credential|security-token))$/;
/** OpenAI's realtime clients put a key there, others a token. */
const CREDENTIAL_SUBPROTOCOL = /key|token|bearer|auth|jwt|secret/i;

/** Cookies by which a network tells connections apart, and which open no account. */
const HARMLESS_COOKIE =
  /^(?:__cf_bm|_cfuvid|cf_clearance|__cflb|__cfruid|awsalb|awsalbcors|awsalbtg|awsalbtgcors|gclb|arraffinity|arraffinitysamesite)$/i;

export const credential: Inspector = {
  name: 'credential',
  inspect(exchange, context) {
    const bound = context.bindings.filter((binding) => binding.hosts.includes(exchange.host));
    if (bound.length === 0 && !isPinned(exchange.host, context)) return undefined;
    const carrier = foreignCarrier(exchange, bound);
    if (carrier === undefined) return undefined;
    const reason = `this host takes only the credential that ironcage puts in, and the request carries another one in ${carrier}`;
    return { action: 'deny', rule: '<foreign-credential>', reason, remedy: '' };
  },
};

/** By host and not by the deciding rule: a wider rule beside a bundle must not undo what the bundle is for. */
function isPinned(host: string, { policy }: InspectionContext): boolean {
  return (
    MODEL_HOSTS.has(host) ||
    isBucketHost(host) ||
    policy.rules.some((rule) => rule.origin === 'bundle' && rule.effect === 'allow' && matchesHost(rule.host, host))
  );
}

function foreignCarrier(exchange: Exchange, bound: readonly PlaceholderBinding[]): string | undefined {
  const guarded = new Set(bound.flatMap((binding) => binding.slots.map(slotHeader)));
  for (const header of exchange.headers) {
    const name = header[0].toLowerCase();
    if (name === 'cookie') {
      if (!holdsHarmlessCookies(header[1])) return 'a cookie';
    } else if (name === 'sec-websocket-protocol') {
      if (CREDENTIAL_SUBPROTOCOL.test(header[1])) return 'a subprotocol';
    } else if (
      (guarded.has(name) || CREDENTIAL_HEADER.test(name)) &&
      header[1].trim() !== '' &&
      !isOurs(header, bound)
    ) {
      return 'a header';
    }
  }
  return queryKeys(exchange.query).some((key) => CREDENTIAL_QUERY_KEY.test(key)) ? 'the query' : undefined;
}

function isOurs(header: Header, bound: readonly PlaceholderBinding[]): boolean {
  return bound.some((binding) =>
    binding.slots.some((slot) => readSlot(slot, header)?.credential === binding.placeholder),
  );
}

function holdsHarmlessCookies(value: string): boolean {
  return value
    .split(/[;,]/)
    .map((pair) => pair.split('=', 1)[0]?.trim() ?? '')
    .every((name) => name === '' || HARMLESS_COOKIE.test(name));
}
