// `policy learn`: what a cage was let through, as the smallest policy that lets it through again; and that policy put in force.
import type { AuditRecord } from '../audit/record.ts';
import { BUNDLES, findBundle } from '../policy/bundles.ts';
import { exchangeFromUrl } from '../policy/explain.ts';
import { ruleMatches } from '../policy/matching.ts';
import { formatRule } from '../policy/rules.ts';
import type { Exchange, Rule } from '../policy/types.ts';
import { IronError } from '../platform/errors.ts';
import { auditCage } from './audit.ts';
import type { Context } from './context.ts';
import { learnRules, type LearnedPath, type SeenRequest } from './learn-rules.ts';
import { changePolicy, type PolicyChange } from './live-policy.ts';
import { readRules } from './rule-input.ts';
import type { CageSpec } from './spec.ts';
import { readSpec } from './store.ts';

export interface LearnQuery {
  /** Milliseconds since the epoch; older records are left out. */
  sinceMs?: number | undefined;
  /** Also rules with `**`. */
  wide?: boolean | undefined;
}

export interface LearnedRule {
  /** As it would be typed. */
  text: string;
  /** Recorded requests that it stands for. */
  requests: number;
  /** Rules of the cage that let all of them pass already; none: the rule is new. */
  present: readonly string[];
  /** A bundle that covers all of them, and more. */
  bundle: string | undefined;
}

export interface LearnedPolicy {
  cage: string;
  mode: CageSpec['net'];
  /** Recorded requests that were let through. */
  requests: number;
  rules: readonly LearnedRule[];
  /** Records that no rule is made of: let pass once by a person, with a path that is too long for a rule, or as below. */
  leftOut: number;
  /** Those of them that do not say where they went, because the value of a secret was taken out of host or path. */
  withSecret: number;
}

interface Seen extends SeenRequest {
  exchange: Exchange;
  requests: number;
  /** Ids of what let it pass. */
  by: Set<string>;
}

/** Path and query; a longer one makes a rule that nobody reads, and may not have been recorded whole. */
const MAX_PATH_CHARACTERS = 1024;
/** How the record spells the value of a secret that has no placeholder in the cage; no recorded host or path has a blank. */
const UNBOUND_VALUE = '[secret ';
/** More different requests than that make no policy that anybody reads. */
const MAX_DIFFERENT = 50_000;

/** Reads the record of a cage; changes nothing. Throws E_NO_CAGE. */
export async function policyLearn(context: Context, name: string, query: LearnQuery = {}): Promise<LearnedPolicy> {
  const spec = await readSpec(context, name);
  const present = new Map(spec.rules.map((rule) => [rule.id, rule]));
  const seen = new Map<string, Seen>();
  let requests = 0;
  let leftOut = 0;
  let withSecret = 0;
  for await (const record of auditCage(context, name, { sinceMs: query.sinceMs, decision: 'allow' })) {
    if (record.protocol !== 'http' && record.protocol !== 'websocket') continue;
    requests += 1;
    const isCensored = hasLostSecret(record, spec.secrets);
    if (isCensored) withSecret += 1;
    // Let pass once by a person: no more than that was meant.
    const isUnfit = isCensored || record.rule === '<asked>';
    const exchange = isUnfit ? undefined : exchangeOf(record, present.get(record.rule));
    if (exchange === undefined) leftOut += 1;
    else note(seen, exchange, record.rule);
    if (seen.size > MAX_DIFFERENT) throw tooMany();
  }
  const nowMs = context.clock.now();
  const rules = learnRules(seen.values(), { wide: query.wide === true }).map((path) => viewRule(path, present, nowMs));
  return { cage: name, mode: spec.net, requests, rules, leftOut, withSecret };
}

/** Adds what is new in a learned policy to the rules of the cage and has the rules decide from now on. */
export async function applyLearned(context: Context, name: string, { rules }: LearnedPolicy): Promise<PolicyChange> {
  const texts = rules.filter(({ present }) => present.length === 0).map(({ text }) => text);
  const added = await readRules(context, 'allow', texts);
  return changePolicy(context, name, (before) => ({ net: 'filtered', rules: [...before.rules, ...added] }), added);
}

function note(seen: Map<string, Seen>, exchange: Exchange, rule: string): void {
  const { protocol, scheme, method, host, port, path, query } = exchange;
  const key = JSON.stringify([protocol, scheme, method, host, port, path]);
  const before = seen.get(key);
  if (before === undefined) {
    const queryBytes = query.length;
    seen.set(key, {
      ...{ protocol, scheme, method, host, port, path, queryBytes, exchange },
      requests: 1,
      by: new Set([rule]),
    });
    return;
  }
  before.requests += 1;
  before.by.add(rule);
  if (query.length <= before.queryBytes) return;
  before.queryBytes = query.length;
  before.exchange = exchange;
}

/**
 * Whether the record has something else in the place of a value: then it does not name what was asked for. In a path a
 * placeholder stands for itself, since that is what a cage has; no name can be made of one.
 */
function hasLostSecret({ host, path }: AuditRecord, bindings: CageSpec['secrets']): boolean {
  if (host.includes(UNBOUND_VALUE) || path.includes(UNBOUND_VALUE)) return true;
  const name = host.toLowerCase();
  return bindings.some(({ placeholder }) => name.includes(placeholder.toLowerCase()));
}

/** The record does not carry the scheme: the rule that let it pass has it, or the port tells. */
function exchangeOf(record: AuditRecord, rule: Rule | undefined): Exchange | undefined {
  const { protocol, method, host, port, path } = record;
  if (path.length > MAX_PATH_CHARACTERS) return undefined;
  const isPlain = (rule?.scheme ?? (port === 80 ? 'http' : 'https')) === 'http';
  const scheme = protocol === 'websocket' ? (isPlain ? 'ws' : 'wss') : isPlain ? 'http' : 'https';
  const parsed = exchangeFromUrl(method, `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`);
  return parsed.ok ? parsed.exchange : undefined;
}

function viewRule(path: LearnedPath<Seen>, present: ReadonlyMap<string, Rule>, nowMs: number): LearnedRule {
  const by = [...new Set(path.samples.flatMap((sample) => [...sample.by]))];
  return {
    text: textOf(path),
    requests: path.samples.reduce((sum, sample) => sum + sample.requests, 0),
    present: by.every((id) => present.get(id)?.effect === 'allow') ? by.sort() : [],
    bundle: bundleOf(path.samples, nowMs),
  };
}

function textOf({ scheme, host, port, methods, path, websocket, maxQueryBytes }: LearnedPath): string {
  return formatRule({
    id: '',
    effect: 'allow',
    origin: 'user',
    ...{ host, methods, path, maxQueryBytes },
    ...(scheme === 'http' && { scheme }),
    ...(port !== (scheme === 'http' ? 80 : 443) && { port }),
    ...(websocket && { websocket }),
  });
}

function bundleOf(samples: readonly Seen[], nowMs: number): string | undefined {
  const [first] = samples;
  if (first === undefined) return undefined;
  return bundlesNear(first.exchange).find((name) => {
    const rules = findBundle(name)?.rules ?? [];
    return samples.every(({ exchange }) => rules.some((rule) => ruleMatches(rule, exchange, nowMs)));
  });
}

/** The bundles that could cover a request: all that have a name of their own, and that of the repository it is about. */
function bundlesNear({ path }: Exchange): string[] {
  const [, owner, repository] = path.split('/');
  const named = owner === undefined || repository === undefined ? [] : [`github:${owner}/${repository}`];
  return [...Object.keys(BUNDLES), ...named];
}

function tooMany(): IronError {
  return new IronError('E_USAGE', {
    message: `more than ${MAX_DIFFERENT} different requests were let through`,
    hint: 'look at a shorter time: ironcage policy learn --since 1h',
  });
}
