// Whether one rule speaks about one exchange, and if not, which of its parts does not fit. Where a reading is doubtful, deny
// rules match and allow rules do not.
import { isExpired } from './expiry.ts';
import { matchesHost } from './hosts.ts';
import { bodyFits } from './media-types.ts';
import { lenientPath, matchesPath } from './paths.ts';
import type { Exchange, Rule } from './types.ts';

export const DEFAULT_PORTS = { https: 443, http: 80 } as const;

/** The first part of a rule that does not fit, in the order in which they are looked at. */
export type Mismatch =
  'host' | 'raw' | 'scheme' | 'port' | 'websocket' | 'method' | 'path' | 'query' | 'content-type' | 'size' | 'expired';

export function ruleMatches(rule: Rule, exchange: Exchange, nowMs: number): boolean {
  return mismatchOf(rule, exchange, nowMs) === undefined;
}

/** Why the rule says nothing about the exchange; undefined when it matches. */
export function mismatchOf(rule: Rule, exchange: Exchange, nowMs: number): Mismatch | undefined {
  if (!matchesHost(rule.host, exchange.host)) return 'host';
  const isAllow = rule.effect === 'allow';
  // Such a rule opens one port for bytes that nobody looks into; as a rule for requests it would allow all of them.
  if (isAllow && rule.passthrough === true) return 'raw';
  const scheme = rule.scheme ?? (isAllow ? 'https' : undefined);
  if (scheme !== undefined && scheme !== exchange.scheme) return 'scheme';
  const port = rule.port ?? (isAllow ? DEFAULT_PORTS[scheme ?? 'https'] : undefined);
  if (port !== undefined && port !== exchange.port) return 'port';
  if (exchange.protocol === 'websocket' && !allowsWebsocket(rule)) return 'websocket';
  if (rule.methods !== undefined && !rule.methods.includes(exchange.method)) return 'method';
  if (!matchesRulePath(rule, exchange.path)) return 'path';
  if (rule.maxQueryBytes !== undefined && exchange.query.length > rule.maxQueryBytes) return 'query';
  if (rule.contentTypes !== undefined && !bodyFits(rule.contentTypes, rule.effect, exchange)) return 'content-type';
  if (isAllow && rule.maxBodyBytes !== undefined && (exchange.contentLength ?? 0) > rule.maxBodyBytes) return 'size';
  return isAllow && rule.expires !== undefined && isExpired(rule.expires, nowMs) ? 'expired' : undefined;
}

function matchesRulePath(rule: Rule, path: string): boolean {
  if (rule.path === undefined) return true;
  if (matchesPath(rule.path, path)) return true;
  return rule.effect === 'deny' && matchesPath(lenientPath(rule.path), lenientPath(path));
}

function allowsWebsocket(rule: Rule): boolean {
  return rule.websocket ?? (rule.effect === 'deny' || rule.methods === undefined);
}
