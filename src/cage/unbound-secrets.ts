// Rules that name a secret which their cage does not have, refused: such a rule would let requests pass and never put in what
// it was written for. Only what was named for this cage: the user's settings are for all cages, whatever each has.
import { formatRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { IronError } from '../platform/errors.ts';
import type { CageSpec } from './spec.ts';

interface Bound {
  /** The cage's. */
  name: string;
  secrets: readonly Pick<CageSpec['secrets'][number], 'name'>[];
}

/** Throws E_RULE that names every such rule. */
export function refuseUnboundSecrets({ name, secrets }: Bound, rules: readonly Rule[]): void {
  const has = new Set(secrets.map((binding) => binding.name));
  const faults: string[] = [];
  const missing = new Set<string>();
  for (const rule of rules) {
    const unbound = (rule.secrets ?? []).filter((secret) => !has.has(secret));
    if (unbound.length === 0) continue;
    faults.push(`${rule.effect} ${formatRule(rule)}: the cage ${name} has no secret ${unbound.join(', ')}`);
    for (const secret of unbound) missing.add(secret);
  }
  if (faults.length === 0) return;
  const options = [...missing].map((secret) => `--secret ${secret}`).join(' ');
  const present = has.size === 0 ? 'it has none' : `it has ${[...has].join(', ')}`;
  throw new IronError('E_RULE', {
    message: faults.join('; '),
    because: `a rule can only let in what is bound to its cage: ${present}`,
    hint: `bind it with \`ironcage create\` or \`ironcage run\` and ${options}, or name a secret that is bound, or secrets=none`,
  });
}
