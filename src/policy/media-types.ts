// What a body says it is. Only what is declared: whether the bytes are that is for the inspectors of content.
import type { Exchange, Rule } from './types.ts';

/** RFC 9110 tokens, lower case; the second half may be the wildcard. */
const PATTERN = /^[a-z0-9!#$&^_.+-]{1,127}\/(?:\*|[a-z0-9!#$&^_.+-]{1,127})$/;

export function isMediaTypePattern(text: string): boolean {
  return PATTERN.test(text);
}

/**
 * Whether the body of an exchange may pass for one of `patterns`. No body fits always. One without a type, or with several,
 * fits a deny rule and no allow rule.
 */
export function bodyFits(patterns: readonly string[], effect: Rule['effect'], exchange: Exchange): boolean {
  if (exchange.contentLength === 0) return effect === 'allow';
  const declared = exchange.headers.filter(([name]) => name.toLowerCase() === 'content-type');
  const [only, ...more] = declared;
  if (only === undefined || more.length > 0) return effect === 'deny';
  const type = (only[1].split(';', 1)[0] ?? '').trim().toLowerCase();
  // A list of types in one field is as doubtful as two fields.
  if (!isMediaTypePattern(type) || type.endsWith('/*')) return effect === 'deny';
  return patterns.some((pattern) => fits(pattern, type));
}

function fits(pattern: string, type: string): boolean {
  return pattern.endsWith('/*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
}
