// `audit`: the record of what left a cage and what was refused. Reads only.
import type { Command, Opened, Session } from '../command.ts';
import type { AuditFilter, AuditRecord, AuditSummary } from '../library.ts';
import type { Output } from '../output.ts';
import { recordSpans, summaryTables } from '../audit-rows.ts';
import { targetCage } from '../target-cage.ts';
import { readLastCount, readTrafficFilter, TRAFFIC_OPTIONS } from '../traffic-filter.ts';

export const audit: Command = {
  kind: 'command',
  name: 'audit',
  summary: 'show which requests left a cage and which were refused',
  notes: [
    'With --json one record a line. --verify exits with 1 when the record was tampered with.',
    'With -f a decision is shown as it is made, before its bytes are known; a refusal that came later is a line of its own.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    ...TRAFFIC_OPTIONS,
    { name: 'follow', short: 'f', conflicts: ['summary', 'verify'], summary: 'go on with new records until Ctrl-C' },
    { name: 'lines', short: 'n', value: 'N', summary: 'only the last N' },
    { name: 'summary', conflicts: ['verify'], summary: 'counts by host, decision and rule' },
    { name: 'verify', summary: 'check the hash chain of the whole record' },
  ],
  examples: [
    { line: 'ironcage audit --decision deny --since 1h', does: 'what was refused in the last hour' },
    { line: 'ironcage audit shop -f --json', does: 'every request of the cage named shop as it happens' },
    { line: 'ironcage audit --verify', does: 'prove that no record was changed or lost' },
  ],
  handler: async ({ word, flags }, session) => {
    const last = readLastCount(flags);
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    if (flags.on('verify')) return verifyChain(opened, session, name);
    const filter = readTrafficFilter(flags, context.clock.now());
    if (flags.on('summary')) {
      const summary = await library.auditSummary(context, name, filter);
      if (session.output.json) session.output.document(summary);
      else printSummary(summary, session.output);
      return 0;
    }
    await printRecords(opened, session, name, filter, { last, follow: flags.on('follow') });
    return 0;
  },
};

async function verifyChain({ library, context }: Opened, { output }: Session, name: string): Promise<number> {
  const result = await library.verifyAudit(context, name);
  if (output.json) output.document({ cage: name, ...result });
  else if (result.ok) {
    output.line(['green', 'unbroken'], `: ${result.records} records, head ${result.head}`);
    if (result.firstSeq > 1) output.line(`it begins with record ${result.firstSeq}; earlier ones were rotated away`);
  } else {
    const { file, line, seq, reason } = result;
    output.line(
      ['red', 'broken'],
      ` at ${line === 0 ? 'the end' : `line ${line}`} of ${file}, record ${seq}: ${reason}`,
    );
  }
  return result.ok ? 0 : 1;
}

function printSummary(summary: AuditSummary, output: Output): void {
  const { total, decisions, bytesOut, bytesIn } = summary;
  const { allow, deny, ask } = decisions;
  output.line(`${total} requests: ${allow} allowed, ${deny} refused, ${ask} asked`);
  output.line(`${bytesOut} bytes out, ${bytesIn} bytes in`);
  for (const rows of summaryTables(summary)) {
    output.line();
    output.table(rows);
  }
}

async function printRecords(
  { library, context }: Opened,
  { output }: Session,
  name: string,
  filter: AuditFilter,
  { last, follow }: { last: number | undefined; follow: boolean },
): Promise<void> {
  let shown = 0;
  /** Decisions that were shown with their end. */
  const ended = new Set<number>();
  if (last !== undefined) {
    const tail: AuditRecord[] = [];
    for await (const record of library.auditCage(context, name, { ...filter, signal: output.gone })) {
      tail.push(record);
      if (tail.length > last) tail.shift();
      shown = record.seq;
      if (follow && record.end !== undefined && record.decision === 'deny') ended.add(record.end.of);
    }
    for (const record of tail) await print(record, output);
    if (!follow) return;
  }
  for await (const record of library.auditCage(context, name, { ...filter, follow, signal: output.gone })) {
    if (output.gone.aborted) return;
    if (record.seq > shown && !ended.has(record.end?.of ?? 0)) await print(record, output);
  }
}

async function print(record: AuditRecord, output: Output): Promise<void> {
  if (output.json) return output.record(record);
  output.line(...recordSpans(record));
  return output.drained();
}
