// Rules that contradict others of a cage, told to whoever adds them. What was written to allow something and could never apply is
// refused; a rule that takes something away never is.
import { findContradictions, type Contradiction } from '../policy/contradictions.ts';
import { removalOf } from '../policy/remedy.ts';
import { formatRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { IronError } from '../platform/errors.ts';
import type { Context } from './context.ts';

/** Throws E_RULE that names every added rule without any effect; what else is superfluous, or loses its effect, is told. */
export function refuseIdleRules(
  context: Pick<Context, 'progress'>,
  rules: readonly Rule[],
  added: readonly Rule[],
): void {
  const faults: string[] = [];
  const hints = new Set<string>();
  const isAdded = new Set(added);
  for (const { rule, against, text, isError, suggestion } of contradictionsOf(rules)) {
    if (!isAdded.has(rule) && !isAdded.has(against)) continue;
    if (!isError || !isAdded.has(rule)) context.progress(text);
    else {
      faults.push(text);
      // What the cage has already cannot be put behind the new rule: it has to go first.
      hints.add(isAdded.has(against) ? suggestion : `if that one may go: ${removalOf(against)}`);
    }
  }
  if (faults.length > 0) {
    throw new IronError('E_RULE', { message: faults.join('; '), hint: [...hints].join('; ') });
  }
}

/** Tells which of the named rules never apply, for what an agent or the user's settings bring along. */
export function tellIdleRules(
  context: Pick<Context, 'progress'>,
  rules: readonly Rule[],
  named: readonly Rule[],
): void {
  for (const { rule, kind, text } of contradictionsOf(rules)) {
    if (named.includes(rule) && kind !== 'same' && kind !== 'redundant') context.progress(text);
  }
}

interface Found extends Pick<Contradiction, 'kind' | 'isError' | 'suggestion'> {
  rule: Rule;
  against: Rule;
  text: string;
}

function contradictionsOf(rules: readonly Rule[]): Found[] {
  return findContradictions(rules).flatMap(({ at, other, kind, isError, message, suggestion }) => {
    const rule = rules[at];
    const against = rules[other];
    if (rule === undefined || against === undefined) return [];
    const text = `${rule.effect} ${formatRule(rule)}: ${message} (${against.effect} ${formatRule(against)})`;
    return [{ rule, against, kind, isError, suggestion, text }];
  });
}
