// Rules as people write them, and back. One text has one meaning, and formatRule(parseRule(text)) keeps it:
//   [METHOD[,METHOD]] [http://|https://]HOST[:PORT][/PATH] [WORD | WORD=VALUE]… [reason=…]
// with the words of rule-words.ts; or the name of a bundle. What does not fit is refused with a suggestion, never guessed.
import { findBundle, type Bundle } from './bundles.ts';
import { composeRule, writeTarget, type RuleStance } from './compose-rule.ts';
import { KNOWN_METHODS } from './inspectors/method.ts';
import { EXAMPLES, readTarget } from './rule-target.ts';
import { looksLikeOption, readOption, ruleWord, writeOptions, type RuleOptions } from './rule-words.ts';
import type { Rule } from './types.ts';
import { Unfit } from './unfit.ts';

export type ParsedRule =
  | { ok: true; rules: readonly Rule[] }
  /** `suggestion`: what to write instead, one sentence, or empty. `word`: the word to blame; absent: the target, or the whole. */
  | { ok: false; message: string; suggestion: string; word?: string | undefined };

const MAX_RULE_CHARACTERS = 4096;

export function parseRule(text: string, stance: RuleStance): ParsedRule {
  try {
    return { ok: true, rules: read(text, stance) };
  } catch (error) {
    if (error instanceof Unfit)
      return { ok: false, message: error.message, suggestion: error.suggestion, word: error.word };
    throw error;
  }
}

/** The text that parseRule reads back to the same rule (under the same effect and origin). */
export function formatRule(rule: Rule): string {
  const reason = rule.reason === undefined ? [] : [`reason=${rule.reason}`];
  return [...writeTarget(rule), ...writeOptions(rule), ...reason].join(' ');
}

function read(text: string, stance: RuleStance): readonly Rule[] {
  if (text.length > MAX_RULE_CHARACTERS) throw new Unfit('the rule is too long', EXAMPLES);
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) throw new Unfit('the rule holds control characters', EXAMPLES);
  const cut = /(?:^|\s)reason=/.exec(text);
  const reason = cut === null ? '' : text.slice(cut.index + cut[0].length).trim();
  const words = (cut === null ? text : text.slice(0, cut.index)).split(/\s+/).filter((word) => word !== '');
  const [first, ...others] = words;
  if (first === undefined) throw new Unfit('the rule is empty', EXAMPLES);
  const bundleName = words.find((word) => findBundle(word) !== undefined);
  if (bundleName !== undefined) return readBundle(bundleName, words, stance, reason);
  const firstOption = others.findIndex(looksLikeOption);
  const head = firstOption < 0 ? words : words.slice(0, firstOption + 1);
  const options = readOptions(words.slice(head.length), stance);
  const [methodText, target] = head.length === 1 ? [undefined, first] : head;
  if (target === undefined) throw new Unfit('the rule is empty', EXAMPLES);
  if (methodText !== undefined && /[.:/]/.test(methodText)) ruleWord(target);
  if (head.length > 2) throw new Unfit(`the rule has words too many: ${head[2] ?? ''}`, EXAMPLES);
  const methods = methodText === undefined ? undefined : readMethods(methodText);
  const place = readTarget(target, {
    ...stance,
    isPrivate: options.private === true,
    isShared: options.sharedSuffix === true,
  });
  return [composeRule({ methods, ...place, ...options, reason }, stance)];
}

function readOptions(words: readonly string[], { effect, nowMs }: RuleStance): RuleOptions {
  let options: RuleOptions = {};
  const said = new Set<string>();
  for (const text of words) {
    const read = readOption(text, nowMs);
    const { name, inDeny } = read.word;
    if (said.has(name)) throw new Unfit(`${name} is written twice`, 'write it once', name);
    said.add(name);
    if (effect === 'deny' && !inDeny) throw new Unfit(`"${name}" has no meaning in a deny rule`, 'leave it out', name);
    options = mergeOptions(options, read.options);
  }
  if (said.has('websocket') && said.has('no-websocket')) {
    throw new Unfit('the rule says both websocket and no-websocket', 'write one of them', 'websocket');
  }
  return options;
}

/** Each bound of a budget is a word of its own. */
function mergeOptions(options: RuleOptions, more: RuleOptions): RuleOptions {
  const budget = more.budget === undefined ? options.budget : { ...options.budget, ...more.budget };
  return { ...options, ...more, ...(budget !== undefined && { budget }) };
}

function readBundle(name: string, words: readonly string[], stance: RuleStance, reason: string): readonly Rule[] {
  const bundle = findBundle(name);
  if (bundle === undefined) throw new Unfit(`there is no bundle ${name}`, EXAMPLES);
  const further = words.filter((word) => word !== name);
  if (words.length - further.length !== 1 || further.some((word) => !word.startsWith('expires='))) {
    throw new Unfit(`the bundle ${name} takes no further words but expires= and reason=`, `write just: ${name}`);
  }
  const { expires } = readOptions(further, stance);
  return bundleRules(name, bundle, stance, {
    ...(expires !== undefined && { expires }),
    ...(reason !== '' && { reason }),
  });
}

/** Denying a bundle closes its hosts: refusing only what it would have allowed helps nobody. */
function bundleRules(
  name: string,
  bundle: Bundle,
  { effect, origin }: Pick<RuleStance, 'effect' | 'origin'>,
  options: Pick<Rule, 'expires' | 'reason'>,
): readonly Rule[] {
  if (effect === 'allow') return bundle.rules.map((rule) => ({ ...rule, ...options }));
  const hosts = [...new Set(bundle.rules.map((rule) => rule.host))];
  return hosts.map((host) => ({ id: `deny:${name}:${host}`, effect, origin, host, ...options }));
}

/** Upper case, each once, in a fixed order. Throws Unfit. */
function readMethods(text: string): readonly string[] {
  const methods = text.toUpperCase().split(',');
  const unknown = methods.find((method) => !KNOWN_METHODS.includes(method));
  if (unknown !== undefined) {
    const suggestion = `the methods are ${KNOWN_METHODS.join(', ')}`;
    throw new Unfit(`${JSON.stringify(unknown)} is not a method`, suggestion, 'methods');
  }
  return KNOWN_METHODS.filter((method) => methods.includes(method));
}
