// Everything that is known of a run, or of all runs of a cage, on one clock: what the agent said, what left, what was refused, which
// messages went to and fro, what was committed. Memory does not grow with the length of a run.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readAudit } from '../audit/read.ts';
import { readJournal } from '../bus/journal.ts';
import { auditDirectory, verifyAudit } from '../cage/audit.ts';
import type { Context } from '../cage/context.ts';
import { egressGeneration } from '../cage/policy.ts';
import { cageExists, cagePaths, readSpec, withCageLock } from '../cage/store.ts';
import { placeOf, requireWorkspace } from '../cage/workspaces.ts';
import { createRedactor } from '../egress/redact.ts';
import { errorMessage, IronError, systemErrorCode } from '../platform/errors.ts';
import { readTextIfPresent } from '../platform/files.ts';
import { readVersion } from '../platform/version.ts';
import { followRun } from '../runs/follow-run.ts';
import { findRun, listRuns } from '../runs/list-runs.ts';
import { runPlaces } from '../runs/run-store.ts';
import type { RunInfo } from '../runs/run-view.ts';
import { listCommits } from '../workspace/list-commits.ts';
import { createChain } from './chain.ts';
import type { EvidenceHead, TimedEntry } from './entry.ts';

export interface EvidenceRequest {
  cage: string;
  /** One run; default: all of the cage. */
  run?: string | undefined;
}

/** The entries between head and end, in the order of their times. Throws E_NO_CAGE, E_NO_RUN, E_USAGE where nothing ever ran. */
export async function* collectEvidence(
  context: Context,
  request: EvidenceRequest,
): AsyncGenerator<TimedEntry, void, undefined> {
  const scope = await scopeOf(context, request);
  const head: TimedEntry = { kind: 'evidence', timeMs: context.clock.now(), data: await headOf(context, scope) };
  yield head;
  let records = 1;
  const sources = [
    ...scope.runs.map((run) => runEntries(context, run)),
    networkEntries(context, scope),
    messageEntries(context, scope),
    commitEntries(context, scope),
  ];
  for await (const entry of inOrder(sources)) {
    records += 1;
    yield entry;
  }
  yield { kind: 'seal', timeMs: context.clock.now(), data: { records: records + 1 } };
}

/** The same as chained lines of text, each with its newline, without any value of a secret that the cage is bound to. */
export async function* evidenceLines(
  context: Context,
  request: EvidenceRequest,
): AsyncGenerator<string, void, undefined> {
  const chain = createChain(await redactionOf(context, request.cage));
  for await (const entry of collectEvidence(context, request)) yield chain.line(entry);
}

async function redactionOf(context: Context, cage: string): Promise<(json: string) => string> {
  const { bindings, secretValues } = await egressGeneration(context, await readSpec(context, cage));
  if (Object.keys(secretValues).length === 0) return (json) => json;
  const redactor = createRedactor(bindings, secretValues);
  return (json) => {
    const stream = redactor.stream();
    return Buffer.concat([...stream.push(Buffer.from(json)), ...stream.finish()]).toString('utf8');
  };
}

interface Scope {
  cage: string;
  runs: readonly RunInfo[];
  fromMs: number;
  toMs: number;
}

async function scopeOf(context: Context, { cage, run }: EvidenceRequest): Promise<Scope> {
  const runs = run === undefined ? await listRuns(context, cage) : [await findRun(context, run)];
  const now = context.clock.now();
  const ends = runs.map(({ endedAt }) => (endedAt === null ? now : Date.parse(endedAt)));
  const [first] = runs;
  if (first === undefined) {
    throw new IronError('E_USAGE', {
      message: `nothing was launched in ${cage} yet, so that there is no evidence of it`,
      hint: `launch a run (ironcage launch ${cage} --agent claude -p TEXT); what left an interactive one is in ironcage audit ${cage}`,
    });
  }
  // What ends an exchange is recorded a moment after whatever asked for it has ended.
  return { cage, runs, fromMs: Date.parse(first.startedAt), toMs: Math.min(now, Math.max(...ends) + LINGER_MS) };
}

const LINGER_MS = 1_000;

async function headOf(context: Context, { cage, runs, fromMs, toMs }: Scope): Promise<EvidenceHead> {
  const streams: Record<string, string> = {};
  for (const { id } of runs) streams[id] = await digestOf(runPlaces(context, cage, id).output.stream.bytes);
  return {
    ...{ format: 1, ironcage: readVersion(), cage, runs: runs.map(({ id }) => id) },
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    audit: await auditState(context, cage),
    streams,
  };
}

/** Of a cage that never ran, or is open, there is none. */
async function auditState(context: Context, cage: string): Promise<EvidenceHead['audit']> {
  try {
    const result = await verifyAudit(context, cage);
    if (!result.ok)
      return { ok: false, records: 0, head: '', reason: `${result.file}:${result.line}: ${result.reason}` };
    return { ok: true, records: result.records, head: result.head, reason: '' };
  } catch (error) {
    return { ok: false, records: 0, head: '', reason: errorMessage(error) };
  }
}

async function digestOf(path: string): Promise<string> {
  const digest = createHash('sha256');
  try {
    for await (const piece of createReadStream(path)) if (Buffer.isBuffer(piece)) digest.update(piece);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
  return digest.digest('hex');
}

async function* runEntries(context: Context, run: RunInfo): AsyncGenerator<TimedEntry, void, undefined> {
  const { id, startedAt } = run;
  const { costUsd: _cost, inputTokens: _in, outputTokens: _out, bytesOut: _bytes, notes: _notes, ...asked } = run;
  const begun = Date.parse(startedAt);
  yield { kind: 'run', run: id, timeMs: begun, data: { ...asked, status: 'running', exitCode: null, endedAt: null } };
  const prompt = readTextIfPresent(runPlaces(context, run.cage, id).prompt);
  if (prompt !== undefined) yield { kind: 'prompt', run: id, timeMs: begun, data: { text: prompt } };
  for await (const told of followRun(context, id, { once: true })) {
    const timeMs = Date.parse(told.time);
    switch (told.kind) {
      case 'event':
        yield { kind: 'agent', run: id, timeMs, data: told.event };
        break;
      case 'stderr':
      case 'note':
        yield { kind: told.kind, run: id, timeMs, data: { text: told.text } };
        break;
      case 'end':
        yield { kind: 'end', run: id, timeMs, data: told.record };
        break;
      default:
        told satisfies never;
    }
  }
}

/** Without gaps, so that each can be seen to follow the one before: a clock that was set back takes none of them away. */
async function* networkEntries(context: Context, { cage, fromMs, toMs }: Scope): AsyncGenerator<TimedEntry> {
  let hasBegun = false;
  try {
    for await (const record of readAudit(auditDirectory(context, cage))) {
      const timeMs = Date.parse(record.time);
      hasBegun ||= timeMs >= fromMs;
      if (!hasBegun) continue;
      if (timeMs >= toMs) return;
      yield { kind: 'network', timeMs, data: record };
    }
  } catch (error) {
    // An open cage has no record.
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}

async function* messageEntries(context: Context, { cage, fromMs, toMs }: Scope): AsyncGenerator<TimedEntry> {
  const path = `${cagePaths(context, cage).messages}/journal.jsonl`;
  for await (const message of readJournal(path, { inode: 0, offset: 0 })) {
    const timeMs = Date.parse(message.time);
    if (timeMs >= fromMs && timeMs < toMs) yield { kind: 'message', timeMs, data: message };
  }
}

async function* commitEntries(context: Context, { cage, fromMs, toMs }: Scope): AsyncGenerator<TimedEntry> {
  if (!cageExists(context, cage)) return;
  const spec = await readSpec(context, cage);
  const workspace = await requireWorkspace(spec, placeOf(context, spec, ''));
  if (workspace.strategy === 'mount') return;
  const commits = await withCageLock(context, cage, () => listCommits(workspace));
  for (const { timeMs = fromMs, ...commit } of commits) {
    // Whole seconds, of the same clock if it was not set to another.
    if (timeMs >= fromMs - 1000 && timeMs < toMs) {
      yield { kind: 'commit', timeMs: Math.max(timeMs, fromMs), data: commit };
    }
  }
}

/** One row of several that are each in order: what was earliest comes first. */
async function* inOrder(sources: readonly AsyncGenerator<TimedEntry>[]): AsyncGenerator<TimedEntry> {
  try {
    const heads = await Promise.all(sources.map(async (source) => ({ source, next: await source.next() })));
    for (;;) {
      let first: (typeof heads)[number] | undefined;
      for (const head of heads) {
        if (head.next.done === true) continue;
        if (first === undefined || first.next.done === true || head.next.value.timeMs < first.next.value.timeMs)
          first = head;
      }
      if (first === undefined || first.next.done === true) return;
      yield first.next.value;
      first.next = await first.source.next();
    }
  } finally {
    for (const source of sources) await source.return(undefined);
  }
}
