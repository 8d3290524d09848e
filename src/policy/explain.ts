// What would happen to a request that nobody made yet: `policy test METHOD URL` in words of the chain.
import { decide } from './chain.ts';
import { normaliseHost } from './hosts.ts';
import type { Circumstances } from './inspector.ts';
import { DEFAULT_PORTS } from './matching.ts';
import { canonicalTarget } from './paths.ts';
import type { Decision, Exchange, Policy } from './types.ts';

type ExchangeFromUrl = { ok: true; exchange: Exchange } | { ok: false; reason: string };
export type Explanation = { ok: true; exchange: Exchange; decision: Decision } | { ok: false; reason: string };

const URL_PARTS = /^(https?|wss?):\/\/(\[[^\]/?#]*\]|[^/?#:[\]]*)(?::(\d{1,5}))?([/?][^#]*)?(?:#.*)?$/i;

/** The exchange that a client would make of a URL. Read by hand: a URL parser would tidy up what the egress refuses. */
export function exchangeFromUrl(method: string, url: string): ExchangeFromUrl {
  const [, schemeText, hostText, portText, rest = '/'] = URL_PARTS.exec(url) ?? [];
  if (schemeText === undefined || hostText === undefined)
    return { ok: false, reason: 'this is not an http(s) or ws(s) URL' };
  const host = normaliseHost(hostText);
  if (host === undefined) return { ok: false, reason: `${JSON.stringify(hostText)} is not a host` };
  const target = canonicalTarget(rest.startsWith('?') ? `/${rest}` : rest);
  if (!target.ok) return { ok: false, reason: target.reason };
  const scheme = /s$/i.test(schemeText) ? 'https' : 'http';
  const port = portText === undefined ? DEFAULT_PORTS[scheme] : Number(portText);
  return {
    ok: true,
    exchange: {
      protocol: schemeText.toLowerCase().startsWith('ws') ? 'websocket' : 'http',
      scheme,
      method: method.toUpperCase(),
      host,
      port,
      path: target.path,
      query: target.query,
      headers: [],
      contentLength: 0,
    },
  };
}

export function explain(policy: Policy, method: string, url: string, circumstances: Circumstances): Explanation {
  const parsed = exchangeFromUrl(method, url);
  if (!parsed.ok) return parsed;
  return { ok: true, exchange: parsed.exchange, decision: decide(policy, parsed.exchange, circumstances) };
}
