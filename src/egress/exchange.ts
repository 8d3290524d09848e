// One request from its head to the record of its end: judge, write down, inject, forward. Every way out that is not the
// upstream's answer is a refusal, recorded and explained.
import type { AuditRecord } from '../audit/record.ts';
import type { InspectorNote } from '../policy/types.ts';
import { writeBytes } from './byte-writer.ts';
import type { ClientConnection } from './client-connection.ts';
import type { EgressLimits } from './config.ts';
import type { Field } from './fields.ts';
import { forwardRequest } from './forward.ts';
import { injectSecrets } from './inject.ts';
import type { Asked, Journal } from './journal.ts';
import { judgeRequest, type Judged } from './judge.ts';
import type { Progress } from './progress.ts';
import { Refusal } from './refusal.ts';
import { writeRefusal } from './refuse.ts';
import { clientKeepsAlive, type RequestHead } from './request-head.ts';
import type { Settings } from './settings.ts';
import type { Upstreams } from './upstream.ts';

export interface ExchangeServices {
  settings(): Settings;
  readonly journal: Journal;
  readonly upstreams: Upstreams;
  readonly limits: EgressLimits;
  readonly counters: { requests: number; refused: number };
}

/** What becomes of the connection: the next request, or its end while somebody (or nobody) still reads from it. */
export type AfterExchange = 'next' | 'close' | 'close-while-read';

export async function serveExchange(
  head: RequestHead,
  client: ClientConnection,
  services: ExchangeServices,
): Promise<AfterExchange> {
  const { journal, counters } = services;
  const settings = services.settings();
  counters.requests += 1;
  const asked = newAsked(client);
  const progress: Progress = { status: 0, bytesOut: 0, bytesIn: 0, answered: false, bodyRead: false };
  let inspectors: readonly InspectorNote[] = [];
  let judged: Judged | undefined;
  let decided: AuditRecord | undefined;
  try {
    judged = judgeRequest(head, client.origin, settings, asked);
    const { decision, exchange } = judged;
    inspectors = decision.inspectors;
    if (decision.decision !== 'allow') throw new Refusal({ ...decision, status: 403 });
    const injection = injectSecrets(judged.fields, exchange.host, settings.bindings, settings.secretValues);
    decided = await journal.allow(asked, decision.rule, inspectors, injection.names);
    const isInjected = injection.names.length > 0;
    const keepsClient = await forwardRequest({
      judged,
      client,
      destination: {
        scheme: exchange.scheme,
        host: exchange.host,
        port: exchange.port,
        private: decision.private,
        route: settings.routeFor(exchange.host),
        generation: settings.generation,
      },
      fields: isInjected ? askForPlainText(injection.fields) : injection.fields,
      redactor: isInjected ? settings.redactor() : undefined,
      upstreams: services.upstreams,
      limits: services.limits,
      progress,
    });
    void journal.end(decided, { ...counted(progress), outcome: 'complete', detail: '' });
    if (keepsClient) return 'next';
    return progress.bodyRead ? 'close' : 'close-while-read';
  } catch (error) {
    counters.refused += 1;
    const refusal = toRefusal(error);
    const isGone = !client.reader.isOpen;
    if (decided === undefined) await journal.deny(asked, refusal.rule, inspectors);
    else await journal.end(decided, { ...counted(progress), ...failureOf(refusal, progress, isGone) });
    if (progress.answered || isGone) {
      client.socket.destroy();
      return 'close';
    }
    const isRead = progress.bodyRead || (decided === undefined && judged?.framing.kind === 'none');
    return await refuse(head, client, asked, refusal, isRead, decided !== undefined);
  }
}

/** Answers a refusal; the connection goes on only where the next request begins right behind this one. */
async function refuse(
  head: RequestHead,
  client: ClientConnection,
  asked: Asked,
  refusal: Refusal,
  isRead: boolean,
  isBodyPumped: boolean,
): Promise<AfterExchange> {
  const goesOn = isRead && refusal.status === 403 && clientKeepsAlive(head);
  await answerRefusal(client, asked, refusal, !goesOn, head.method === 'HEAD');
  if (goesOn) return 'next';
  return isBodyPumped && !isRead ? 'close-while-read' : 'close';
}

export async function answerRefusal(
  client: ClientConnection,
  asked: Asked,
  refusal: Refusal,
  close: boolean,
  bodiless = false,
): Promise<void> {
  const { method, host, path } = asked;
  const { status, rule, message: reason, remedy } = refusal;
  const answer = writeRefusal({ status, rule, reason, remedy, method, host, path }, close, bodiless);
  try {
    await writeBytes(client.socket, [answer]);
  } catch {
    // A client that is gone needs no answer.
    client.socket.destroy();
  }
}

/** What is known before a head was read. */
export function newAsked({ origin }: ClientConnection): Asked {
  return { protocol: 'http', method: '', host: origin.claims[0]?.host ?? '', port: origin.port ?? 0, path: '' };
}

/** Whatever was thrown, as a refusal. The text of an unforeseen error stays here: it may quote what must not be told. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal({ status: 502, rule: '<error>', reason: 'the egress could not finish this request' });
}

function counted({ status, bytesIn, bytesOut }: Progress) {
  return { status, bytesIn, bytesOut };
}

function failureOf(refusal: Refusal, progress: Progress, isGone: boolean) {
  const status = progress.answered ? progress.status : refusal.status;
  if (isGone) return { status, outcome: 'aborted' as const, detail: 'the client closed the connection' };
  if (refusal.rule === '<upstream>' || refusal.rule === '<upstream-certificate>') {
    return { status, outcome: 'upstream-error' as const, detail: refusal.message };
  }
  if (refusal.rule === '<error>') return { status, outcome: 'aborted' as const, detail: refusal.message };
  return { status, outcome: 'refused' as const, detail: refusal.message, refusedBy: refusal.rule };
}

/** What comes back will be looked through: it must not come in pieces of the client's choice, and had better not be compressed. */
const NOT_WITH_SECRETS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'range',
  'if-range',
  'sec-websocket-extensions',
]);

function askForPlainText(fields: readonly Field[]): Field[] {
  const accept: Field = { name: 'accept-encoding', spelled: 'Accept-Encoding', value: 'identity' };
  return [...fields.filter(({ name }) => !NOT_WITH_SECRETS.has(name)), accept];
}
