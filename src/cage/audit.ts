// The record of a cage's traffic, as commands and callers ask for it.
import { isRequest } from '../audit/is-request.ts';
import { fits, followAudit, readAudit, type AuditFilter } from '../audit/read.ts';
import type { AuditRecord } from '../audit/record.ts';
import { mergeEnds } from '../audit/merge.ts';
import { summarise } from '../audit/summary.ts';
import { verifyChain } from '../audit/verify.ts';
import { IronError } from '../platform/errors.ts';
import { explain } from '../policy/explain.ts';
import { normaliseHost } from '../policy/hosts.ts';
import { NO_USAGE } from '../policy/inspector.ts';
import type { PlaceholderBinding, Policy } from '../policy/types.ts';
import type { Context } from './context.ts';
import { cagePolicy } from './policy.ts';
import { cageExists, cagePaths, noSuchCage, readSpec } from './store.ts';

export interface AuditQuery {
  /** A decision, or some of which one must fit. */
  decision?: AuditRecord['decision'] | readonly AuditRecord['decision'][] | undefined;
  protocol?: AuditRecord['protocol'] | readonly AuditRecord['protocol'][] | undefined;
  /** A host or host pattern, or some of which one must fit. */
  host?: string | readonly string[] | undefined;
  /** The same, in any case. */
  method?: string | readonly string[] | undefined;
  /** The id of a rule, or what it begins with and a `*`; or some of which one must fit. */
  rule?: string | readonly string[] | undefined;
  /** Milliseconds since the epoch: from then on. */
  sinceMs?: number | undefined;
  /** Up to then. */
  untilMs?: number | undefined;
  /** Go on with what is written from now on, until `signal`. */
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export function auditDirectory(context: Context, name: string): string {
  if (!cageExists(context, name)) throw noSuchCage(name);
  return cagePaths(context, name).egress.audit;
}

/**
 * Decisions in order, each with its byte counts filled in once its exchange has ended. With `follow` a decision comes as it
 * is made; where what was allowed is refused after all, a record with `end` comes later, which names the decision.
 */
export async function* auditCage(context: Context, name: string, query: AuditQuery = {}): AsyncGenerator<AuditRecord> {
  const directory = auditDirectory(context, name);
  const filter = auditFilter(query);
  if (query.follow === true) {
    for await (const record of followAudit(directory, query.signal ?? new AbortController().signal, filter)) {
      if (record.end === undefined || record.decision === 'deny') yield record;
    }
    return;
  }
  for await (const record of mergeEnds(readAudit(directory))) if (fits(record, filter)) yield record;
}

/** Throws E_USAGE for a host that no record can have. */
export function auditFilter({ decision, protocol, host, method, rule, sinceMs, untilMs }: AuditQuery): AuditFilter {
  return {
    ...{ decisions: listOf(decision), protocols: listOf(protocol), since: sinceMs, until: untilMs },
    ...{ hosts: listOf(host)?.map(readHost), methods: listOf(method), rules: listOf(rule) },
  };
}

/** A host as records spell it: a name, an address, `*.name` or `**.name`; also with a secret that was taken out of it. */
function readHost(text: string): string {
  const [, wildcard = '', name = ''] = /^(\*{1,2}\.)?(.*)$/s.exec(text) ?? [];
  const host = normaliseHost(name);
  if (host !== undefined) return wildcard + host;
  if (normaliseHost(name.replace(/\[secret [A-Za-z0-9_.-]+\]/g, 'x')) !== undefined) return text;
  throw new IronError('E_USAGE', {
    message: `${JSON.stringify(text)} is not a host, so no record can have it`,
    hint: 'write example.com, *.example.com or an address',
  });
}

function listOf<T extends string>(wanted: T | readonly T[] | undefined): readonly T[] | undefined {
  return typeof wanted === 'string' ? [wanted] : wanted;
}

export async function auditSummary(
  context: Context,
  name: string,
  query: AuditQuery = {},
): ReturnType<typeof summarise> {
  return summarise(auditCage(context, name, { ...query, follow: false }));
}

export async function verifyAudit(context: Context, name: string): ReturnType<typeof verifyChain> {
  return verifyChain(auditDirectory(context, name));
}

interface Refusal {
  host: string;
  method: string;
  path: string;
  rule: string;
  reason: string;
  /** What the user would type to allow it; empty where nothing would. */
  remedy: string;
  count: number;
}

export interface AuditOutcome {
  requests: number;
  refused: readonly Refusal[];
  secretsUsed: readonly { name: string; host: string; count: number }[];
}

/** What happened since a moment: how much, what was refused, where secrets went. */
export async function auditOutcome(context: Context, name: string, sinceMs: number): Promise<AuditOutcome> {
  const { rules, net, secrets } = await readSpec(context, name);
  const refused = new Map<string, Refusal>();
  const secretsUsed = new Map<string, { name: string; host: string; count: number }>();
  let requests = 0;
  for await (const record of auditCage(context, name, { sinceMs })) {
    if (!isRequest(record)) continue;
    requests += 1;
    const { host, method, path, rule } = record;
    if (record.decision === 'deny') {
      const key = JSON.stringify([host, method, path, rule]);
      const reason = record.inspectors.find((note) => note.action === 'deny')?.reason ?? '';
      const before = refused.get(key);
      const remedy = before?.remedy ?? remedyOf(record, cagePolicy({ net, rules, inspection: undefined }), secrets);
      refused.set(key, { host, method, path, rule, reason, remedy, count: (before?.count ?? 0) + 1 });
    }
    for (const secret of record.secrets) {
      const key = `${secret} ${host}`;
      secretsUsed.set(key, { name: secret, host, count: (secretsUsed.get(key)?.count ?? 0) + 1 });
    }
  }
  return { requests, refused: [...refused.values()], secretsUsed: [...secretsUsed.values()] };
}

/** The record does not carry the remedy: it is what the policy of this moment would say to the same request. */
function remedyOf(record: AuditRecord, policy: Policy, bindings: readonly PlaceholderBinding[]): string {
  const scheme = record.port === 80 ? 'http' : 'https';
  const port = record.port === 80 || record.port === 443 ? '' : `:${record.port}`;
  const circumstances = { bindings, nowMs: Date.parse(record.time), usage: () => NO_USAGE };
  const explanation = explain(policy, record.method, `${scheme}://${record.host}${port}${record.path}`, circumstances);
  return explanation.ok && explanation.decision.decision === 'deny' ? explanation.decision.remedy : '';
}
