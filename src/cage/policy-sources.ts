// Rules and settings of inspectors that come from files: the user's own, and those that a command names. Every mistake of a file
// is told at once, with its line.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseRuleFile } from '../config/rule-file.ts';
import { formatProblem, type Problem } from '../config/toml-tables.ts';
import { parseUserConfig, type UserConfig } from '../config/user-config.ts';
import { errorMessage, IronError } from '../platform/errors.ts';
import { readTextIfPresent } from '../platform/files.ts';
import { parseRule } from '../policy/rules.ts';
import type { InspectionSettings, Rule } from '../policy/types.ts';
import type { Context } from './context.ts';
import { CACHE_NAMES, parseCacheNames, type CacheName } from './package-caches.ts';
import { ruleStance } from './rule-input.ts';

/** What files of rules say. */
export interface NamedPolicy {
  rules: readonly Rule[];
  inspection: Partial<InspectionSettings>;
}

/** What the user's settings say for every new cage. */
export interface ConfiguredPolicy extends NamedPolicy {
  inspectors: UserConfig['inspectors'];
  caches: readonly CacheName[];
}

/** Files in their order; of two that say something of the same inspector, the later counts. Tells what has no effect. */
export async function readPolicyFiles(context: Context, paths: readonly string[]): Promise<NamedPolicy> {
  const files = await readRuleFiles(context, paths);
  for (const { warnings } of files) for (const warning of warnings) context.progress(warning);
  return {
    rules: files.flatMap(({ rules }) => rules),
    inspection: Object.assign({}, ...files.map(({ inspection }) => inspection)),
  };
}

/** Throws E_USAGE that names every problem. */
export async function readConfiguredPolicy(context: Context): Promise<ConfiguredPolicy> {
  const { rules, inspection, inspectors, caches } = readUserConfig(context);
  const read: Rule[] = [];
  const problems: FileProblem[] = [];
  for (const { effect, text, ...place } of rules) {
    const parsed = parseRule(text, await ruleStance(context, effect, [text]));
    if (parsed.ok) read.push(...parsed.rules);
    else {
      const message = `${JSON.stringify(text)} is no rule: ${parsed.message}`;
      problems.push({ file: context.configFile, ...place, message, suggestion: parsed.suggestion });
    }
  }
  for (const { text, ...place } of caches) {
    if (CACHE_NAMES.some((name) => name === text)) continue;
    const message = `there is no package cache ${JSON.stringify(text)}`;
    problems.push({ file: context.configFile, ...place, message, suggestion: `choose of: ${CACHE_NAMES.join(', ')}` });
  }
  if (problems.length > 0) throw problemsIn(problems);
  return { rules: read, inspection, inspectors, caches: parseCacheNames(caches.map(({ text }) => text)) };
}

export interface ReadRuleFile extends NamedPolicy {
  file: string;
  /** `file:line:column: what has no effect`. */
  warnings: readonly string[];
}

/** Throws E_USAGE that names every problem of all of them. */
export async function readRuleFiles(context: Context, paths: readonly string[]): Promise<ReadRuleFile[]> {
  const read: ReadRuleFile[] = [];
  const problems: FileProblem[] = [];
  for (const file of paths) {
    const text = readRuleText(context, file);
    const parsed = parseRuleFile(text, { ...(await ruleStance(context, 'allow', [text])), origin: 'user' });
    if (!parsed.ok) problems.push(...parsed.problems.map((problem) => ({ file, ...problem })));
    else {
      const warnings = parsed.warnings.map((warning) => formatProblem(file, warning));
      read.push({ file, rules: parsed.rules, inspection: parsed.inspection, warnings });
    }
  }
  if (problems.length > 0) throw problemsIn(problems);
  return read;
}

function readRuleText({ cwd }: Context, path: string): string {
  try {
    return readFileSync(resolve(cwd, path), 'utf8');
  } catch (error) {
    throw new IronError('E_USAGE', {
      message: `the file of rules cannot be read: ${errorMessage(error)}`,
      hint: 'name a file with [[rule]] tables',
      cause: error,
    });
  }
}

/** The user's settings; empty ones where there is no file. Throws E_USAGE that names every problem. */
function readUserConfig({ configFile }: Pick<Context, 'configFile'>): UserConfig {
  const parsed = parseUserConfig(readTextIfPresent(configFile) ?? '');
  if (!parsed.ok) throw problemsIn(parsed.problems.map((problem) => ({ file: configFile, ...problem })));
  return parsed.config;
}

type FileProblem = Problem & { file: string };

function problemsIn(problems: readonly FileProblem[]): IronError {
  const files = [...new Set(problems.map(({ file }) => file))].join(' and ');
  return new IronError('E_USAGE', {
    message:
      problems.length === 1 ? `there is a mistake in ${files}` : `there are ${problems.length} mistakes in ${files}`,
    because: problems.map((problem) => formatProblem(problem.file, problem)),
    hint: 'nothing was taken from it; mend it and give the command again',
    details: { problems },
  });
}
