// `audit`: the record of what left a cage and what was refused. Reads only.
import type { Command, Opened, Session } from '../command.ts';
import type { AuditFilter, AuditRecord } from '../library.ts';
import { outline } from '../outline.ts';
import type { Output } from '../output.ts';
import { targetCage } from '../target-cage.ts';
import { readLastCount, readTrafficFilter } from '../traffic-filter.ts';

export const audit: Command = {
  kind: 'command',
  name: 'audit',
  summary: 'show which requests left a cage and which were refused',
  notes: ['With --json one record a line. --verify exits with 1 when the record was tampered with.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'decision', value: 'DECISION', choices: ['allow', 'deny', 'ask'], summary: 'only these' },
    { name: 'host', value: 'HOST', summary: 'only requests to this host' },
    { name: 'since', value: 'WHEN', summary: 'only from then on: 30m, 1h, 7d, or an ISO time' },
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
      else for (const line of outline(summary)) session.output.line(line);
      return 0;
    }
    await printRecords(opened, session, name, filter, { last, follow: flags.on('follow') });
    return 0;
  },
};

async function verifyChain({ library, context }: Opened, { output }: Session, name: string): Promise<number> {
  const result = await library.verifyAudit(context, name);
  if (output.json) output.document({ cage: name, ...result });
  else if (result.ok) output.line(['green', 'unbroken'], `: ${result.records} records, head ${result.head}`);
  else output.line(['red', 'broken'], ` at line ${result.line}: ${result.reason}`);
  return result.ok ? 0 : 1;
}

async function printRecords(
  { library, context }: Opened,
  { output }: Session,
  name: string,
  filter: AuditFilter,
  { last, follow }: { last: number | undefined; follow: boolean },
): Promise<void> {
  let shown = 0;
  if (last !== undefined) {
    const tail: AuditRecord[] = [];
    for await (const record of library.auditCage(context, name, { ...filter, signal: output.gone })) {
      tail.push(record);
      if (tail.length > last) tail.shift();
      shown = record.seq;
    }
    for (const record of tail) await print(record, output);
    if (!follow) return;
  }
  for await (const record of library.auditCage(context, name, { ...filter, follow, signal: output.gone })) {
    if (output.gone.aborted) return;
    if (record.seq > shown) await print(record, output);
  }
}

async function print(record: AuditRecord, output: Output): Promise<void> {
  if (output.json) return output.record(record);
  output.line(
    ['dim', record.time],
    '  ',
    record.decision === 'allow' ? ['green', 'allow'] : ['red', record.decision.padEnd(5)],
    `  ${record.protocol} ${record.method.padEnd(4)} ${record.host}:${record.port}${record.path}`,
    ['dim', `  ${record.rule}  ${record.bytesOut} out ${record.bytesIn} in`],
    record.end === undefined ? '' : `  ${record.end.status} ${record.end.outcome}`,
    record.secrets.length === 0 ? '' : `  with ${record.secrets.join(', ')}`,
  );
  return output.drained();
}
