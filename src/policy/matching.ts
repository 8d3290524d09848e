// Whether one rule speaks about one exchange. Where a reading is doubtful, deny rules match and allow rules do not.
import { matchesHost } from './hosts.ts';
import { lenientPath, matchesPath } from './paths.ts';
import type { Exchange, Rule } from './types.ts';

export const DEFAULT_PORTS = { https: 443, http: 80 } as const;

export function ruleMatches(rule: Rule, exchange: Exchange): boolean {
  if (!matchesHost(rule.host, exchange.host)) return false;
  if (exchange.protocol === 'websocket' && !allowsWebsocket(rule)) return false;
  if (rule.methods !== undefined && !rule.methods.includes(exchange.method)) return false;
  if (rule.maxQueryBytes !== undefined && exchange.query.length > rule.maxQueryBytes) return false;
  return matchesPort(rule, exchange) && matchesRulePath(rule, exchange.path);
}

function matchesPort(rule: Rule, exchange: Exchange): boolean {
  if (rule.effect === 'deny') {
    return (
      (rule.scheme === undefined || rule.scheme === exchange.scheme) &&
      (rule.port === undefined || rule.port === exchange.port)
    );
  }
  const scheme = rule.scheme ?? 'https';
  return scheme === exchange.scheme && (rule.port ?? DEFAULT_PORTS[scheme]) === exchange.port;
}

function matchesRulePath(rule: Rule, path: string): boolean {
  if (rule.path === undefined) return true;
  if (matchesPath(rule.path, path)) return true;
  return rule.effect === 'deny' && matchesPath(lenientPath(rule.path), lenientPath(path));
}

function allowsWebsocket(rule: Rule): boolean {
  return rule.websocket ?? (rule.effect === 'deny' || rule.methods === undefined);
}
