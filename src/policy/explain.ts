// What would happen to a request that nobody made yet: `policy test METHOD URL` in words of the chain.
import { decide } from './chain.ts';
import { normaliseHost } from './hosts.ts';
import type { Circumstances } from './inspector.ts';
import { DEFAULT_PORTS, mismatchOf, type Mismatch } from './matching.ts';
import { canonicalTarget } from './paths.ts';
import { formatRule } from './rules.ts';
import type { Decision, Exchange, Policy, Rule } from './types.ts';

type ExchangeFromUrl = { ok: true; exchange: Exchange } | { ok: false; reason: string };
export type Explanation =
  | { ok: true; exchange: Exchange; decision: Decision; considered: readonly ConsideredRule[] }
  | { ok: false; reason: string };

/** One rule that was looked at on the way to a decision. */
export interface ConsideredRule {
  /** Its id. */
  rule: string;
  text: string;
  effect: Rule['effect'];
  /** `matches`, or the first part of the rule that the request does not fit. */
  outcome: 'matches' | Mismatch;
}

const URL_PARTS = /^(https?|wss?):\/\/(\[[^\]/?#]*\]|[^/?#:[\]]*)(?::(\d{1,5}))?([/?][^#]*)?(?:#.*)?$/i;

/** What a request would carry; without it, the request has no body. */
export interface SketchedBody {
  type?: string | undefined;
  bytes?: number | undefined;
}

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
  if (port < 1 || port > 65_535) return { ok: false, reason: `${port} is not a port` };
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

export function explain(
  policy: Policy,
  method: string,
  url: string,
  circumstances: Circumstances,
  body: SketchedBody = {},
): Explanation {
  const parsed = exchangeFromUrl(method, url);
  if (!parsed.ok) return parsed;
  const exchange = { ...parsed.exchange, ...bodyParts(body) };
  const decision = decide(policy, exchange, circumstances);
  return { ok: true, exchange, decision, considered: consider(policy, exchange, circumstances.nowMs) };
}

/** A type without a size stands for a body whose length nobody declared. */
function bodyParts({ type, bytes }: SketchedBody): Pick<Exchange, 'headers' | 'contentLength'> {
  return {
    headers: type === undefined ? [] : [['content-type', type]],
    contentLength: bytes ?? (type === undefined ? 0 : undefined),
  };
}

/** Rules as they are asked: every deny rule before the first allow rule, and each kind in the order in which it was given. */
export function inOrder(rules: readonly Rule[]): Rule[] {
  return [...rules.filter(({ effect }) => effect === 'deny'), ...rules.filter(({ effect }) => effect === 'allow')];
}

/** Up to the rule that matches. */
function consider({ mode, rules }: Policy, exchange: Exchange, nowMs: number): ConsideredRule[] {
  if (mode === 'none') return [];
  const considered: ConsideredRule[] = [];
  for (const rule of inOrder(rules)) {
    const outcome = mismatchOf(rule, exchange, nowMs) ?? 'matches';
    considered.push({ rule: rule.id, text: formatRule(rule), effect: rule.effect, outcome });
    if (outcome === 'matches') break;
  }
  return considered;
}
