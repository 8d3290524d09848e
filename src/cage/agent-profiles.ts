// Where a name becomes an agent: one of those that ironcage knows, else the user's own file beside `config.toml`. A name that
// ironcage knows is never a user's, so that no file can take the place of what was reviewed.
import { dirname, join } from 'node:path';
import type { AgentProfile } from '../agents/profile.ts';
import { AGENTS, findProfile } from '../agents/profiles.ts';
import { namesIn, readTextIfPresent } from '../platform/files.ts';
import { IronError } from '../platform/errors.ts';
import type { Problem } from '../config/toml-tables.ts';
import type { Context } from './context.ts';

const ENDING = '.toml';
const NAME = /^[a-z][a-z0-9-]{0,31}$/;

type Place = Pick<Context, 'configFile'>;

export function isAgentName(name: string): boolean {
  return NAME.test(name);
}

export function agentFile({ configFile }: Place, name: string): string {
  return join(dirname(configFile), 'agents', `${name}${ENDING}`);
}

/** Names of the user's own agents, whether their files are right or not. */
export function userAgentNames(context: Place): string[] {
  return namesIn(dirname(agentFile(context, 'any')))
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .filter((name) => isAgentName(name) && AGENTS.every((agent) => agent.name !== name))
    .toSorted();
}

/** Throws E_NO_AGENT, or E_CONFIG that names every mistake of the user's file. */
export async function agentProfile(context: Place & Pick<Context, 'clock'>, name: string): Promise<AgentProfile> {
  const own = userAgentNames(context);
  if (!own.includes(name)) return findProfile(name, own);
  const file = agentFile(context, name);
  const text = readTextIfPresent(file) ?? '';
  const read = await readAgentText(context, name, text);
  if (read.ok) return read.profile;
  const { formatProblem } = await import('../config/toml-tables.ts');
  const { problems } = read;
  throw new IronError('E_CONFIG', {
    message:
      problems.length === 1 ? `there is a mistake in ${file}` : `there are ${problems.length} mistakes in ${file}`,
    because: problems.map((problem) => formatProblem(file, problem)),
    hint: `mend it: ironcage agents edit ${name}`,
    details: { problems },
  });
}

type ReadAgent = { ok: true; profile: AgentProfile } | { ok: false; problems: readonly Problem[] };

/** A file's text as a profile; the hosts that it names are allowed whole, what else is allowed stands in its rules. */
async function readAgentText(context: Pick<Context, 'clock'>, name: string, text: string): Promise<ReadAgent> {
  const [{ parseAgentFile }, { userProfile }, { parseRule }, { ruleStance }] = await Promise.all([
    import('../config/agent-file.ts'),
    import('../agents/user-profile.ts'),
    import('../policy/rules.ts'),
    import('./rule-input.ts'),
  ]);
  const parsed = parseAgentFile(text);
  if (!parsed.ok) return parsed;
  const { agent } = parsed;
  const stance = await ruleStance(
    context,
    'allow',
    agent.allow.map((each) => each.text),
  );
  const problems: Problem[] = [];
  const rules = [...agent.hosts.map((host) => ({ text: host, line: 1, column: 1 })), ...agent.allow].flatMap((rule) => {
    const result = parseRule(rule.text, stance);
    if (result.ok) return result.rules;
    const { line, column } = rule;
    problems.push({
      line,
      column,
      message: `${JSON.stringify(rule.text)} is no rule: ${result.message}`,
      suggestion: result.suggestion,
    });
    return [];
  });
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, profile: { ...userProfile(name, agent), rules } };
}
