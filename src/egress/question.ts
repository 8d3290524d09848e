// What people are shown of a request that waits, and when two requests are one question: only where nothing that is shown
// differs, so that a yes never covers what nobody saw. Pure.
import type { Decision, Exchange } from '../policy/types.ts';
import type { HeldRequest } from './config.ts';

export interface Question {
  exchange: Exchange;
  decision: Decision;
  /** The cage's end of the connection: by it the host finds the process that asks. */
  client: { address: string; port: number } | undefined;
}

/** Path and query together. Longer ones are refused: what is cut off could not be judged. */
const MAX_TARGET_CHARACTERS = 8192;
const MAX_SHORT_CHARACTERS = 256;

export function isShowable({ path, query, method }: Exchange): boolean {
  return path.length + query.length <= MAX_TARGET_CHARACTERS && method.length <= MAX_SHORT_CHARACTERS;
}

export function questionKey(exchange: Exchange): string {
  const { protocol, scheme, method, host, port, path, query, contentLength } = exchange;
  return JSON.stringify([protocol, scheme, method, host, port, path, query, contentLength, contentTypeOf(exchange)]);
}

export function viewQuestion(
  { exchange, decision, client }: Question,
  { id, askedAtMs, timeoutMs, waiting }: { id: string; askedAtMs: number; timeoutMs: number; waiting: number },
): HeldRequest {
  const { protocol, scheme, method, host, port, path, query, contentLength } = exchange;
  const contentType = contentTypeOf(exchange);
  return {
    id,
    askedAt: new Date(askedAtMs).toISOString(),
    expiresAt: new Date(askedAtMs + timeoutMs).toISOString(),
    protocol,
    scheme,
    method,
    host,
    port,
    path,
    query,
    ...(contentLength !== undefined && { contentLength }),
    ...(contentType !== undefined && { contentType }),
    ...(client !== undefined && { client }),
    rule: decision.rule,
    reason: decision.reason,
    waiting,
  };
}

function contentTypeOf({ headers }: Exchange): string | undefined {
  const found = headers.find(([name]) => name === 'content-type')?.[1];
  return found?.slice(0, MAX_SHORT_CHARACTERS);
}
