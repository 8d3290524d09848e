// DNS over HTTPS would carry data out in the names that it asks for, past the egress's own answers. Names of the cage are
// answered by the egress alone, so that no request of this kind has a use.
import { isBelowAny } from '../hosts.ts';
import type { Inspector } from '../inspector.ts';
import { queryPairs } from '../queries.ts';
import type { Exchange } from '../types.ts';

const DNS_MEDIA_TYPE = /\bapplication\/(?:dns-(?:message|json|udpwireformat)|oblivious-dns-message)\b/i;

/** Public resolvers, by name and by the addresses that have certificates of their own; subdomains too. */
const RESOLVERS: ReadonlySet<string> = new Set([
  ...['dns.google', 'dns64.dns.google', '8.8.8.8', '8.8.4.4', 'cloudflare-dns.com', 'one.one.one.one'],
  ...['1.1.1.1', '1.0.0.1', '1.1.1.2', '1.1.1.3', 'cloudflare-gateway.com', 'dns.quad9.net', '9.9.9.9'],
  ...['149.112.112.112', 'doh.opendns.com', 'doh.umbrella.com', 'dns.umbrella.com', 'dns.nextdns.io'],
  ...['dns.adguard-dns.com', 'dns.adguard.com', 'doh.cleanbrowsing.org', 'freedns.controld.com', 'dns.controld.com'],
  ...['doh.mullvad.net', 'dns.mullvad.net', 'doh.dns.sb', 'dns.alidns.com', '223.5.5.5', 'doh.pub', 'dns.twnic.tw'],
  ...['doh.libredns.gr', 'dns.switch.ch', 'doh.applied-privacy.net', 'ordns.he.net', 'doh.li', 'dnsforge.de'],
]);

/** Header of a DNS message and the shortest question. */
const MIN_QUESTION_BYTES = 17;

export const doh: Inspector = {
  name: 'doh',
  inspect(exchange) {
    if (!isDnsOverHttps(exchange)) return undefined;
    const reason = 'the request asks for names over HTTPS; inside of a cage the egress alone answers for names';
    return { action: 'deny', rule: '<doh>', reason, remedy: '' };
  },
};

function isDnsOverHttps(exchange: Exchange): boolean {
  if (/(?:^|\/)dns-query(?:\/|$)/i.test(exchange.path)) return true;
  if (isBelowAny(RESOLVERS, exchange.host) && (exchange.query !== '' || exchange.method === 'POST')) return true;
  const isDeclared = exchange.headers.some(
    ([name, value]) => /^(?:accept|content-type)$/i.test(name) && DNS_MEDIA_TYPE.test(value),
  );
  if (isDeclared || exchange.query === '') return isDeclared;
  return queryPairs(exchange.query).some(({ key, value }) => key === 'dns' && isQuestion(value));
}

/** RFC 8484: a DNS message in base64url. A query with at least one question and without an answer. */
function isQuestion(text: string): boolean {
  let bytes: string;
  try {
    bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/').replaceAll(' ', '+').replace(/=+$/, ''));
  } catch {
    // No base64: some other parameter of that name.
    return false;
  }
  const isQuery = (bytes.charCodeAt(2) & 0x80) === 0;
  const questions = bytes.charCodeAt(4) * 256 + bytes.charCodeAt(5);
  return bytes.length >= MIN_QUESTION_BYTES && isQuery && questions >= 1 && questions <= 16;
}
