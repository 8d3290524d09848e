// The flags by which traffic is picked out, the same for every command that shows it.
import type { OptionSpec } from './command.ts';
import type { Flags } from './flags.ts';
import type { AuditFilter } from './library.ts';
import { parseSince } from './since.ts';
import { usageError } from './usage-error.ts';

const DECISIONS = ['allow', 'deny', 'ask'] as const;
const PROTOCOLS = ['http', 'websocket', 'dns', 'tcp', 'control'] as const;

export const TRAFFIC_OPTIONS: readonly OptionSpec[] = [
  {
    ...{ name: 'decision', value: 'DECISION', repeatable: true, choices: DECISIONS },
    summary: 'only what was decided so',
  },
  { name: 'host', value: 'HOST', repeatable: true, summary: 'only requests to this host, or *.host' },
  { name: 'method', value: 'METHOD', repeatable: true, summary: 'only requests with this method' },
  {
    ...{ name: 'protocol', value: 'PROTOCOL', repeatable: true, choices: PROTOCOLS },
    summary: 'only these; dns: names that were looked up; control: what happened to the egress',
  },
  { name: 'rule', value: 'ID', repeatable: true, summary: 'only what this rule decided; ID*: rules that begin so' },
  { name: 'since', value: 'WHEN', summary: 'only from then on: 30m, 1h, 7d, or an ISO time' },
  { name: 'until', value: 'WHEN', summary: 'only up to then' },
];

/** Reads the options above. Throws E_USAGE. */
export function readTrafficFilter(flags: Flags, nowMs: number): AuditFilter {
  const filter: AuditFilter = {};
  for (const name of ['host', 'method', 'rule'] as const) {
    const wanted = flags.list(name);
    if (wanted.length > 0) filter[name] = wanted;
  }
  const decision = chosen(DECISIONS, flags.list('decision'));
  const protocol = chosen(PROTOCOLS, flags.list('protocol'));
  const since = flags.text('since');
  const until = flags.text('until');
  if (decision.length > 0) filter.decision = decision;
  if (protocol.length > 0) filter.protocol = protocol;
  if (since !== undefined) filter.sinceMs = parseSince(since, nowMs);
  if (until !== undefined) filter.untilMs = parseSince(until, nowMs, '--until');
  return filter;
}

/** The parser has refused all other values. */
function chosen<T extends string>(choices: readonly T[], given: readonly string[]): T[] {
  return choices.filter((choice) => given.includes(choice));
}

/** Reads `-n`. Throws E_USAGE. */
export function readLastCount(flags: Flags): number | undefined {
  const text = flags.text('lines');
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usageError(`-n cannot be ${text}`, { because: 'it takes a whole number from 1 on', hint: 'write -n 20' });
}
