// Rules as people write them, and back. One text has one meaning, and formatRule(parseRule(text)) keeps it:
//   [METHOD[,METHOD]] [http://|https://]HOST[:PORT][/PATH] [private] [websocket|no-websocket] [max-query=BYTES] [reason=…]
// or the name of a bundle. Whatever does not fit is refused with a suggestion, never guessed.
import { findBundle, type Bundle } from './bundles.ts';
import { KNOWN_METHODS } from './inspectors/method.ts';
import { DEFAULT_PORTS } from './matching.ts';
import { EXAMPLES, readTarget, Unfit, type RuleTarget } from './rule-target.ts';
import type { Rule, RuleOrigin } from './types.ts';

export type ParsedRule =
  | { ok: true; rules: readonly Rule[] }
  /** `suggestion`: what to write instead, one sentence, or empty. */
  | { ok: false; message: string; suggestion: string };

export interface RuleStance {
  effect: Rule['effect'];
  origin: RuleOrigin;
}

const MAX_RULE_CHARACTERS = 4096;

export function parseRule(text: string, stance: RuleStance): ParsedRule {
  try {
    return { ok: true, rules: read(text, stance) };
  } catch (error) {
    if (error instanceof Unfit) return { ok: false, message: error.message, suggestion: error.suggestion };
    throw error;
  }
}

/** The text that parseRule reads back to the same rule (under the same effect and origin). */
export function formatRule(rule: Rule): string {
  const reason = rule.reason === undefined ? [] : [`reason=${rule.reason}`];
  return [...formatMatch(rule), ...reason].join(' ');
}

function formatMatch(rule: Rule): string[] {
  const host = rule.host.includes(':') ? `[${rule.host}]` : rule.host;
  const scheme = rule.scheme === undefined ? '' : `${rule.scheme}://`;
  const port = rule.port === undefined ? '' : `:${rule.port}`;
  return [
    ...(rule.methods === undefined ? [] : [rule.methods.join(',')]),
    `${scheme}${host}${port}${rule.path ?? ''}`,
    ...(rule.private === true ? ['private'] : []),
    ...(rule.websocket === undefined ? [] : [rule.websocket ? 'websocket' : 'no-websocket']),
    ...(rule.maxQueryBytes === undefined ? [] : [`max-query=${rule.maxQueryBytes}`]),
  ];
}

function read(text: string, stance: RuleStance): readonly Rule[] {
  if (text.length > MAX_RULE_CHARACTERS) throw new Unfit('the rule is too long', EXAMPLES);
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) throw new Unfit('the rule holds control characters', EXAMPLES);
  const cut = /(?:^|\s)reason=/.exec(text);
  const reason = cut === null ? '' : text.slice(cut.index + cut[0].length).trim();
  const words = (cut === null ? text : text.slice(0, cut.index)).split(/\s+/).filter((word) => word !== '');
  for (const word of words) {
    const bundle = findBundle(word);
    if (bundle === undefined) continue;
    if (words.length === 1) return bundleRules(word, bundle, stance, reason);
    throw new Unfit(`the bundle ${word} takes no further words`, `write just: ${word}`);
  }
  const marks = words.slice(firstMark(words));
  const [methodText, target, ...more] = words.length - marks.length === 1 ? [undefined, ...words] : words;
  if (target === undefined) throw new Unfit('the rule is empty', EXAMPLES);
  if (words.length - marks.length > 2) {
    throw new Unfit(`the rule has words too many: ${more.slice(0, 1).join(' ')}`, EXAMPLES);
  }
  const methods = methodText === undefined ? undefined : readMethods(methodText);
  const options = readMarks(marks);
  return [
    buildRule(
      { methods, ...readTarget(target, { isPrivate: options.isPrivate, effect: stance.effect }), ...options, reason },
      stance,
    ),
  ];
}

interface Parts extends RuleTarget {
  methods: readonly string[] | undefined;
  isPrivate: boolean;
  websocket: boolean | undefined;
  maxQueryBytes: number | undefined;
  reason: string;
}

/** Leaves out what says no more than the default, so that two texts with one meaning give one rule and one id. */
function buildRule(parts: Parts, { effect, origin }: RuleStance): Rule {
  let { scheme, port, websocket } = parts;
  if (effect === 'allow') {
    // Who writes port 80 without a scheme means plain HTTP.
    if (scheme === undefined && port === DEFAULT_PORTS.http) scheme = 'http';
    if (port === DEFAULT_PORTS[scheme ?? 'https']) port = undefined;
    if (scheme === 'https' && port !== DEFAULT_PORTS.http) scheme = undefined;
  } else if (parts.isPrivate) {
    throw new Unfit('"private" has no meaning in a deny rule', 'leave it out: a deny rule covers every destination');
  }
  if (websocket === (effect === 'deny' || parts.methods === undefined)) websocket = undefined;
  const rule: Rule = {
    id: '',
    effect,
    origin,
    host: parts.host,
    ...(port !== undefined && { port }),
    ...(scheme !== undefined && { scheme }),
    ...(parts.methods !== undefined && { methods: parts.methods }),
    ...(parts.path !== undefined && parts.path !== '/**' && { path: parts.path }),
    ...(parts.maxQueryBytes !== undefined && { maxQueryBytes: parts.maxQueryBytes }),
    ...(websocket !== undefined && { websocket }),
    ...(parts.isPrivate && { private: true }),
  };
  return {
    ...rule,
    id: `${effect}:${formatMatch(rule).join(' ')}`,
    ...(parts.reason !== '' && { reason: parts.reason }),
  };
}

/** Denying a bundle closes its hosts: refusing only what it would have allowed helps nobody. */
function bundleRules(name: string, bundle: Bundle, { effect, origin }: RuleStance, reason: string): readonly Rule[] {
  const why = reason === '' ? {} : { reason };
  if (effect === 'allow') return bundle.rules.map((rule) => ({ ...rule, ...why }));
  const hosts = [...new Set(bundle.rules.map((rule) => rule.host))];
  return hosts.map((host) => ({ id: `deny:${name}:${host}`, effect, origin, host, ...why }));
}

function readMethods(text: string): readonly string[] {
  const methods = text.toUpperCase().split(',');
  const unknown = methods.find((method) => !KNOWN_METHODS.includes(method));
  if (unknown !== undefined) {
    throw new Unfit(`${JSON.stringify(unknown)} is not a method`, `the methods are ${KNOWN_METHODS.join(', ')}`);
  }
  return KNOWN_METHODS.filter((method) => methods.includes(method));
}

const MARK = /^(?:private|websocket|no-websocket|max-query=.*)$/;

function firstMark(words: readonly string[]): number {
  let index = words.length;
  while (index > 0 && MARK.test(words[index - 1] ?? '')) index--;
  return index;
}

function readMarks(marks: readonly string[]): Pick<Parts, 'isPrivate' | 'websocket' | 'maxQueryBytes'> {
  const twice = marks.find((mark, index) => marks.indexOf(mark) !== index);
  if (twice !== undefined) throw new Unfit(`${twice} is written twice`, 'write it once');
  if (marks.includes('websocket') && marks.includes('no-websocket')) {
    throw new Unfit('the rule says both websocket and no-websocket', 'write one of them');
  }
  const queries = marks.filter((mark) => mark.startsWith('max-query='));
  const [query] = queries;
  if (query !== undefined && (queries.length > 1 || !/^max-query=\d{1,6}$/.test(query))) {
    throw new Unfit('max-query takes one number of bytes', 'example: max-query=64');
  }
  return {
    isPrivate: marks.includes('private'),
    websocket: marks.includes('websocket') ? true : marks.includes('no-websocket') ? false : undefined,
    maxQueryBytes: query === undefined ? undefined : Number(query.slice('max-query='.length)),
  };
}
