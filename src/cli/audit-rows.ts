// Records of traffic, and counts over them, as people read them.
import type { AuditRecord, AuditSummary } from './library.ts';
import type { Span } from './span.ts';

/** One record as one line. */
export function recordSpans(record: AuditRecord): Span[] {
  const { time, protocol, path, rule, bytesOut, bytesIn, end, secrets } = record;
  if (protocol === 'control') return [['dim', time], '  event  ', rule, ` ${path}`];
  const about: Span[] = [['dim', time], '  ', decisionSpan(record), `  ${protocol} ${targetOf(record)}`];
  if (protocol === 'dns') return [...about, ['dim', `  ${rule}`]];
  return [
    ...about,
    ['dim', `  ${rule}  ${bytesOut} out ${bytesIn} in`],
    end === undefined ? '' : `  ${end.status} ${end.outcome}`,
    secrets.length === 0 ? '' : `  with ${secrets.join(', ')}`,
  ];
}

function decisionSpan({ decision }: AuditRecord): Span {
  switch (decision) {
    case 'allow':
      return ['green', 'allow'];
    case 'deny':
      return ['red', 'deny '];
    case 'ask':
      return ['yellow', 'ask  '];
    default:
      decision satisfies never;
      throw new Error('a record with an unknown decision');
  }
}

function targetOf({ protocol, method, host, port, path }: AuditRecord): string {
  if (protocol === 'dns') return `${method.padEnd(4)} ${host}`;
  return `${method.padEnd(4)} ${host}:${port}${path}`;
}

/** More rows than that are for programs: `--json` has all of them. */
const MAX_ROWS = 50;

/** Tables by host, by rule and by secret; what has no rows is left out. */
export function summaryTables({ hosts, rules, secrets }: AuditSummary): Span[][][] {
  const columns = ['allow', 'deny', 'ask', 'out', 'in'];
  return [
    table(
      ['host', ...columns, 'secrets'],
      hosts.map((of) => [of.host, ...counts(of), of.secrets.join(', ')]),
    ),
    table(
      ['rule', ...columns],
      rules.map((of) => [of.rule, ...counts(of)]),
    ),
    table(
      ['secret', 'requests', 'hosts'],
      secrets.map(({ secret, requests, hosts: at }) => [secret, String(requests), at.join(', ')]),
    ),
  ].filter((rows) => rows.length > 1);
}

function counts(of: AuditSummary['rules'][number] | AuditSummary['hosts'][number]): string[] {
  return [of.allow, of.deny, of.ask, of.bytesOut, of.bytesIn].map(String);
}

function table(header: readonly string[], rows: readonly string[][]): Span[][] {
  const shown: Span[][] = rows.slice(0, MAX_ROWS);
  if (rows.length > MAX_ROWS) shown.push([['dim', `and ${rows.length - MAX_ROWS} more, with --json`]]);
  return [header.map((name): Span => ['dim', name]), ...shown];
}
