// Whether one rule matches everything that another one matches. Answers yes only where that is certain.
import { isExpired, parseInstant } from './expiry.ts';
import { matchesHost } from './hosts.ts';
import { DEFAULT_PORTS } from './matching.ts';
import { matchesPath } from './paths.ts';
import type { Rule } from './types.ts';

export function coversRule(wide: Rule, rule: Rule): boolean {
  // A deny rule is not bound by sizes, and does not end.
  const narrow = rule.effect === 'deny' ? { ...rule, maxBodyBytes: undefined, expires: undefined } : rule;
  return (
    (wide.passthrough === true) === (narrow.passthrough === true) &&
    coversHost(wide.host, narrow.host) &&
    coversPlace(wide, narrow) &&
    coversList(wide.methods, narrow.methods, (method, other) => method === other) &&
    coversPath(wide.path, narrow.path) &&
    // Deny rules read paths leniently, so that one matches more than its text says.
    (wide.effect === 'deny' || narrow.effect === 'allow' || wide.path === undefined) &&
    (takesWebsocket(wide) || !takesWebsocket(narrow)) &&
    coversBound(wide.maxQueryBytes, narrow.maxQueryBytes) &&
    coversBound(wide.maxBodyBytes, narrow.maxBodyBytes) &&
    coversTypes(wide, narrow) &&
    outlives(wide, narrow)
  );
}

/** Whether every host of the pattern `narrow` is one of the pattern `wide`. */
function coversHost(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  if (!narrow.startsWith('*')) return matchesHost(wide, narrow);
  if (!wide.startsWith('**.')) return false;
  const [wideName, narrowName] = [wide.slice(3), narrow.slice(narrow.indexOf('.') + 1)];
  return narrowName === wideName || narrowName.endsWith(`.${wideName}`);
}

function coversPlace(wide: Rule, narrow: Rule): boolean {
  const [outer, inner] = [placeOf(wide), placeOf(narrow)];
  return (
    (outer.scheme === undefined || outer.scheme === inner.scheme) &&
    (outer.port === undefined || outer.port === inner.port)
  );
}

function placeOf(rule: Rule): Pick<Rule, 'scheme' | 'port'> {
  if (rule.effect === 'deny' || rule.passthrough === true) return rule;
  const scheme = rule.scheme ?? 'https';
  return { scheme, port: rule.port ?? DEFAULT_PORTS[scheme] };
}

function coversPath(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined || wide === narrow) return true;
  if (narrow === undefined) return false;
  if (!narrow.includes('*')) return matchesPath(wide, narrow);
  const prefix = wide.endsWith('/**') ? wide.slice(0, -3) : undefined;
  if (prefix === undefined || prefix.includes('*')) return false;
  // `/a/**` also stands for `/a`.
  return narrow.startsWith(`${prefix}/`);
}

function coversTypes(wide: Rule, narrow: Rule): boolean {
  // A deny rule with types leaves requests without a body alone.
  if (wide.effect === 'deny' && wide.contentTypes !== undefined && narrow.effect === 'allow') return false;
  return coversList(wide.contentTypes, narrow.contentTypes, (pattern, type) =>
    pattern.endsWith('/*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type,
  );
}

function coversList(
  wide: readonly string[] | undefined,
  narrow: readonly string[] | undefined,
  coversMember: (wide: string, narrow: string) => boolean,
): boolean {
  if (wide === undefined) return true;
  return narrow?.every((member) => wide.some((candidate) => coversMember(candidate, member))) ?? false;
}

function coversBound(wide: number | undefined, narrow: number | undefined): boolean {
  return wide === undefined || (narrow !== undefined && narrow <= wide);
}

function takesWebsocket(rule: Rule): boolean {
  return rule.websocket ?? (rule.effect === 'deny' || rule.methods === undefined);
}

function outlives(wide: Rule, narrow: Rule): boolean {
  if (wide.expires === undefined || wide.effect === 'deny') return true;
  const end = narrow.expires === undefined ? undefined : parseInstant(narrow.expires);
  return end !== undefined && !isExpired(wide.expires, end - 1);
}
