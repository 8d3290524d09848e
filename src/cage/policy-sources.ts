// From where a new cage has its rules and the settings of its inspectors: the user's settings, files of rules, the command
// line. Every mistake of a source is told at once, with file and line.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseRuleFile, type RuleFile } from '../config/rule-file.ts';
import { formatProblem, type Problem } from '../config/toml-tables.ts';
import { parseUserConfig, type UserConfig } from '../config/user-config.ts';
import { errorMessage, IronError } from '../platform/errors.ts';
import { readTextIfPresent } from '../platform/files.ts';
import { DEFAULT_INSPECTION, type InspectionSettings, type Rule } from '../policy/types.ts';
import type { Context } from './context.ts';
import { readRules, ruleStance } from './rule-input.ts';

export interface PolicySources {
  rules: readonly Rule[];
  /** Undefined: nobody says anything about them. */
  inspection: InspectionSettings | undefined;
}

/** Rules named on the command line stand first: of two allow rules that match, the first decides. */
export async function readPolicySources(
  context: Context,
  { allow, policies }: { allow: readonly string[]; policies: readonly string[] },
): Promise<PolicySources> {
  const named = await readRules(context, 'allow', allow);
  const files = [];
  for (const path of policies) files.push(await readRuleFile(context, path));
  const config = readUserConfig(context);
  const configured = [];
  for (const effect of ['deny', 'allow'] as const) {
    const texts = config.rules.filter((rule) => rule.effect === effect).map(({ text }) => text);
    configured.push(...(await readRules(context, effect, texts)));
  }
  const settings = [config.inspection, ...files.map(({ inspection }) => inspection)];
  const isSaid = settings.some((each) => Object.keys(each).length > 0);
  return {
    rules: [...named, ...files.flatMap(({ rules }) => rules), ...configured],
    inspection: isSaid ? Object.assign({}, DEFAULT_INSPECTION, ...settings) : undefined,
  };
}

/** Throws E_USAGE that names every problem of the file. */
export async function readRuleFile(context: Context, path: string): Promise<Extract<RuleFile, { ok: true }>> {
  let text: string;
  try {
    text = readFileSync(resolve(context.cwd, path), 'utf8');
  } catch (error) {
    throw new IronError('E_USAGE', {
      message: `the file of rules cannot be read: ${errorMessage(error)}`,
      hint: 'name a file with [[rule]] tables',
      cause: error,
    });
  }
  const parsed = parseRuleFile(text, { ...(await ruleStance(context, 'allow', [text])), origin: 'user' });
  if (!parsed.ok) throw problemsIn(path, parsed.problems);
  for (const warning of parsed.warnings) context.progress(formatProblem(path, warning));
  return parsed;
}

/** The user's settings; empty ones where there is no file. Throws E_USAGE that names every problem. */
export function readUserConfig({ configFile }: Pick<Context, 'configFile'>): UserConfig {
  const parsed = parseUserConfig(readTextIfPresent(configFile) ?? '');
  if (!parsed.ok) throw problemsIn(configFile, parsed.problems);
  return parsed.config;
}

function problemsIn(file: string, problems: readonly Problem[]): IronError {
  return new IronError('E_USAGE', {
    message: problems.length === 1 ? `${file} has a mistake` : `${file} has ${problems.length} mistakes`,
    because: problems.map((problem) => formatProblem(file, problem)).join('\n'),
    hint: 'nothing was taken from it; mend it and give the command again',
    details: { file, problems },
  });
}
