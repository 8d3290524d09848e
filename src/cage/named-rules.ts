// Which rules of a cage a word means when they are to go: an id, a rule as it would be typed, or the name of a bundle. A word that
// means an allow rule and a deny rule is refused: taking the wrong one away could open what was closed. Pure.
import { findBundle } from '../policy/bundles.ts';
import { formatRule, parseRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { IronError } from '../platform/errors.ts';

/** Empty when no rule is meant. Throws E_RULE where the word means rules of both effects. */
export function namedRules(rules: readonly Rule[], word: string): readonly Rule[] {
  const byId = rules.filter(({ id }) => id === word);
  if (byId.length > 0) return byId;
  const byText = rules.filter((rule) => formatRule(rule) === word);
  const found = byText.length > 0 ? byText : meantRules(rules, word);
  const effects = new Set(found.map(({ effect }) => effect));
  if (effects.size > 1) {
    throw new IronError('E_RULE', {
      message: `${JSON.stringify(word)} is both allowed and denied`,
      hint: `name one by its id: ${found.map(({ id }) => JSON.stringify(id)).join(' or ')}`,
    });
  }
  return found;
}

/** A bundle goes whole: who takes a repository away keeps no right to push to it. */
function meantRules(rules: readonly Rule[], word: string): readonly Rule[] {
  const ids = idsOf(word);
  const isBundle = findBundle(word) !== undefined;
  return rules.filter(
    ({ id }) => ids.has(id) || (isBundle && (id.startsWith(`${word}:`) || id.startsWith(`deny:${word}:`))),
  );
}

/** Ids of what the word would add. Another spelling of a rule, or other bounds on the same requests, give the same id. */
function idsOf(word: string): Set<string> {
  const stance = { origin: 'user', nowMs: 0, sharedSuffix: () => undefined } as const;
  const ids = (['allow', 'deny'] as const).flatMap((effect) => {
    const parsed = parseRule(word, { ...stance, effect });
    return parsed.ok ? parsed.rules.map(({ id }) => id) : [];
  });
  return new Set(ids);
}
