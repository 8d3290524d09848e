// Exchanges instead of records: what an `end` record says is filled into the decision that it closes. Pure: records in,
// records out, in order; held back are only those whose end may still come.
import { isRequest } from './is-request.ts';
import type { AuditRecord } from './record.ts';

/** An exchange that is still open holds back at most so many later ones; beyond that it is given on without its end. */
const MAX_HELD = 20_000;

/**
 * Each decision once, in order. A closed one carries the byte counts and the `end` of its end record, what was noted on
 * the way, and also its decision and rule: a body that must not leave turns an allowed request into a refused one.
 */
export async function* mergeEnds(
  records: AsyncIterable<AuditRecord> | Iterable<AuditRecord>,
): AsyncGenerator<AuditRecord> {
  /** In order of seq; those that are not in `open` are complete. */
  const held = new Map<number, AuditRecord>();
  const open = new Set<number>();
  for await (const record of records) {
    if (record.end === undefined) {
      held.set(record.seq, record);
      if (record.decision === 'allow' && isRequest(record)) open.add(record.seq);
      // What an egress has left open when it died, the next one does not end.
      else if (isStart(record)) open.clear();
    } else {
      const decision = held.get(record.end.of);
      // A filter may have left the decision out.
      if (decision === undefined) continue;
      held.set(decision.seq, closed(decision, record));
      open.delete(decision.seq);
    }
    for (const [seq, complete] of held) {
      if (open.has(seq) && held.size <= MAX_HELD) break;
      open.delete(seq);
      held.delete(seq);
      yield complete;
    }
  }
  yield* held.values();
}

function isStart({ protocol, rule, path }: AuditRecord): boolean {
  return protocol === 'control' && rule === '<egress>' && path.startsWith('start');
}

function closed(decision: AuditRecord, closing: AuditRecord): AuditRecord {
  const { bytesOut, bytesIn, end, decision: verdict, rule, inspectors } = closing;
  return { ...decision, bytesOut, bytesIn, end, decision: verdict, rule, inspectors };
}
