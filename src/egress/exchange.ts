// One request from its head to the record of its end: judge, ask where somebody must be asked, write down, inject, forward.
// Every way out that is not the upstream's answer is a refusal, recorded and explained.
import type { AuditRecord } from '../audit/record.ts';
import type { InspectorNote } from '../policy/types.ts';
import type { Answer, AskDesk } from './ask-desk.ts';
import type { Capture, CapturedExchange } from './capture.ts';
import type { ClientStream } from './client-stream.ts';
import type { EgressLimits } from './config.ts';
import type { Field } from './fields.ts';
import { forwardRequest } from './forward.ts';
import { injectSecrets } from './inject.ts';
import type { BodyInspection, Inspections } from './inspection.ts';
import type { Asked, Journal } from './journal.ts';
import { judgeRequest, type Judged, type Origin } from './judge.ts';
import type { Progress } from './progress.ts';
import { Refusal } from './refusal.ts';
import { withRefusal } from './refusal-note.ts';
import type { Settings } from './settings.ts';
import type { Upstreams } from './upstream.ts';
import type { UsageBook } from './usage.ts';

export interface ExchangeServices {
  settings(): Settings;
  readonly journal: Journal;
  readonly upstreams: Upstreams;
  readonly inspections: Inspections;
  readonly usage: UsageBook;
  /** Undefined: nothing is kept for people to look at. */
  readonly capture: Capture | undefined;
  readonly desk: AskDesk;
  readonly limits: EgressLimits;
  /** `streams`: requests over HTTP/2 that are under way. */
  readonly counters: { requests: number; refused: number; streams: number };
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Serves one request. Never rejects: whatever happens, the stream is answered or ended, and the record says so. */
export async function serveExchange(stream: ClientStream, services: ExchangeServices): Promise<void> {
  const { journal, counters } = services;
  counters.requests += 1;
  const asked = newAsked(stream.origin);
  const progress: Progress = { status: 0, bytesOut: 0, bytesIn: 0, answered: false, bodyRead: false, notes: [] };
  let inspectors: readonly InspectorNote[] = [];
  let decided: AuditRecord | undefined;
  let inspection: BodyInspection | undefined;
  let captured: CapturedExchange | undefined;
  try {
    const approved = await approve(stream, services, asked, (notes) => {
      inspectors = notes;
    });
    const { judged, settings, rule } = approved;
    const { exchange, decision } = judged;
    const injection = injectSecrets(judged.fields, exchange.host, settings.bindings, settings.secretValues);
    const isInjected = injection.names.length > 0;
    decided = await journal.allow(asked, rule, inspectors, injection.names);
    captured = services.capture?.open(decided.seq);
    captured?.request({ ...judged.head, url: urlOf(judged), fields: judged.fields });
    const meter = services.usage.open(decision.matched, exchange);
    if (exchange.protocol === 'http' && judged.framing.kind !== 'none') {
      inspection = services.inspections.body({ exchange, kind: 'body', settings, rule: decision.matched });
    }
    await forwardRequest({
      judged,
      stream,
      destination: {
        scheme: exchange.scheme,
        host: exchange.host,
        port: exchange.port,
        private: decision.private,
        route: settings.routeFor(exchange.host),
        generation: settings.generation,
      },
      fields: isInjected ? askForPlainText(injection.fields) : injection.fields,
      settings,
      redactor: isInjected ? settings.redactor() : undefined,
      upstreams: services.upstreams,
      inspections: services.inspections,
      inspection,
      meter,
      captured,
      progress,
    });
    void journal.end(decided, { ...counted(progress, inspection), outcome: 'complete', detail: '' });
  } catch (error) {
    counters.refused += 1;
    const refusal = toRefusal(error);
    const isGone = !stream.isOpen;
    if (decided === undefined) await journal.deny(asked, refusal.rule, withRefusal(inspectors, refusal));
    else {
      const counts = counted(progress, inspection);
      const failure = failureOf(refusal, progress, isGone);
      const notes = failure.outcome === 'refused' ? withRefusal(counts.notes, refusal) : counts.notes;
      await journal.end(decided, { ...counts, ...failure, notes });
    }
    if (stream.isAnswered || isGone) stream.abort();
    else await answerRefusal(stream, asked, refusal);
  } finally {
    captured?.end();
  }
}

interface Approved {
  judged: Judged;
  /** The generation that it was judged by; the request keeps it to its end. */
  settings: Settings;
  /** Id of what let it pass. */
  rule: string;
}

/** The judgement of those who are asked, in their order: policy, a person where the policy says so, the user's own inspectors. */
async function approve(
  stream: ClientStream,
  services: ExchangeServices,
  asked: Asked,
  onNotes: (notes: readonly InspectorNote[]) => void,
): Promise<Approved> {
  let byPerson = false;
  /** Who said yes, for the record. */
  let word: readonly InspectorNote[] = [];
  for (;;) {
    const settings = services.settings();
    const judged = judgeRequest(stream.head, stream.origin, settings, asked, services);
    const { decision, exchange } = judged;
    const heard = [...decision.inspectors, ...word];
    onNotes(heard);
    if (decision.decision === 'deny') throw new Refusal({ ...decision, status: 403 });
    if (decision.decision === 'ask' && !byPerson) {
      const answer = await ask(stream, services, asked, judged);
      if (answer.answer !== 'changed' && answer.note !== undefined) word = [answer.note];
      onNotes([...decision.inspectors, ...word]);
      if (answer.answer === 'denied') {
        throw new Refusal({ status: 403, rule: '<asked>', reason: answer.reason, remedy: decision.remedy });
      }
      byPerson = answer.answer === 'once';
      // Other settings may hold by now: judged again, a person's word counts only where the policy would ask once more.
      continue;
    }
    const noted = services.inspections.head(exchange, settings);
    if (noted !== undefined) onNotes([...heard, ...(await noted)]);
    return { judged, settings, rule: decision.decision === 'ask' ? '<asked>' : decision.rule };
  }
}

async function ask(
  stream: ClientStream,
  { desk, journal }: ExchangeServices,
  asked: Asked,
  { decision, exchange }: Judged,
): Promise<Answer> {
  await journal.ask(asked, decision.rule, decision.inspectors);
  const answer = await desk.hold({ exchange, decision, client: stream.origin.peer }, (drop) => stream.onGone(drop));
  stream.onGone(undefined);
  return answer;
}

async function answerRefusal(stream: ClientStream, asked: Asked, refusal: Refusal): Promise<void> {
  const { method, host, path } = asked;
  const { status, rule, message: reason, remedy } = refusal;
  await stream.refuse({ status, rule, reason, remedy, method, host, path });
}

/** What is known before a head was read. */
export function newAsked(origin: Origin): Asked {
  return { protocol: 'http', method: '', host: origin.claims[0]?.host ?? '', port: origin.port ?? 0, path: '' };
}

/** Whatever was thrown, as a refusal. The text of an unforeseen error stays here: it may quote what must not be told. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal({ status: 502, rule: '<error>', reason: 'the egress could not finish this request' });
}

function urlOf({ exchange, authority, target }: Judged): string {
  return `${exchange.scheme}://${authority}${target}`;
}

function counted({ status, bytesIn, bytesOut, notes }: Progress, inspection: BodyInspection | undefined) {
  return { status, bytesIn, bytesOut, notes: inspection === undefined ? notes : [...notes, ...inspection.notes()] };
}

/** Rules whose refusal may be nothing but what a closed connection looks like from here. */
const MAY_BE_GONE: ReadonlySet<string> = new Set(['<error>', '<malformed>', '<upstream>', '<upstream-certificate>']);

function failureOf(refusal: Refusal, progress: Progress, isGone: boolean) {
  const status = progress.answered ? progress.status : refusal.status;
  const { rule, message: detail } = refusal;
  if (isGone && progress.isEndKnown !== true && MAY_BE_GONE.has(rule)) {
    return { status, outcome: 'aborted' as const, detail: 'the client closed the connection' };
  }
  if (rule === '<upstream>' || rule === '<upstream-certificate>') {
    return { status, outcome: 'upstream-error' as const, detail };
  }
  if (rule === '<error>') return { status, outcome: 'aborted' as const, detail };
  return { status, outcome: 'refused' as const, detail, refusedBy: rule };
}

/** What comes back will be looked through: it must not come in pieces of the client's choice, and had better not be compressed. */
const NOT_WITH_SECRETS: ReadonlySet<string> = new Set(['accept-encoding', 'range', 'if-range']);

function askForPlainText(fields: readonly Field[]): Field[] {
  const accept: Field = { name: 'accept-encoding', spelled: 'Accept-Encoding', value: 'identity' };
  return [...fields.filter(({ name }) => !NOT_WITH_SECRETS.has(name)), accept];
}
