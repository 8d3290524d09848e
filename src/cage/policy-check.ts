// Files of rules, looked at without a cage: what they say, and what in them has no effect.
import type { InspectionSettings } from '../policy/types.ts';
import type { Context } from './context.ts';
import { viewRules, type RuleView } from './live-policy.ts';
import { readRuleFiles } from './policy-sources.ts';

export interface CheckedRuleFile {
  file: string;
  rules: readonly RuleView[];
  inspection: Partial<InspectionSettings>;
  /** `file:line:column: what has no effect`. */
  warnings: readonly string[];
}

/** Throws E_USAGE that names every mistake of all files. */
export async function policyCheck(context: Context, paths: readonly string[]): Promise<CheckedRuleFile[]> {
  const files = await readRuleFiles(context, paths);
  return files.map(({ rules, ...file }) => ({ ...file, rules: viewRules(context, rules) }));
}
