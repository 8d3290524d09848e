// What the egress and the process of a user's inspector say to each other: one JSON object a line, over a socket that both
// were handed. The egress reads answers as strictly as anything else that it did not write itself.
import type { Exchange } from '../policy/types.ts';

/** What a user's inspector sees of a request: as the cage sent it, placeholders and all, never a secret's value. */
export interface InspectedRequest extends Exchange {
  /** The same for all that is asked about one request; never used twice. */
  id: number;
}

export type InspectorQuestion =
  | { id: number; kind: 'request'; request: InspectedRequest }
  /** The next piece of the body, or of one WebSocket message; base64. */
  | { id: number; kind: 'body' | 'message'; request: InspectedRequest; bytes: string; isLast: boolean };

export type InspectorAnswer =
  /** The first line: the module is loaded. `bodies`: whether it wants to see bodies and messages. */
  | { type: 'ready'; bodies: boolean }
  /** Instead of it: the module cannot be used. */
  | { type: 'failed'; message: string }
  | { type: 'verdict'; id: number; action: 'pass' | 'note' | 'deny' | 'error'; reason: string };

/** Longer lines are no answer. */
export const MAX_ANSWER_CHARACTERS = 8192;

/** Its line. Readers of lines end one at the separators of Unicode too, which JSON leaves as they are. */
export function lineOf(message: InspectorQuestion | InspectorAnswer): string {
  const json = JSON.stringify(message).replace(/[\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16)}`);
  return `${json}\n`;
}

/** Undefined for anything that is not exactly an answer. */
export function parseAnswer(line: string): InspectorAnswer | undefined {
  const value = parseObject(line);
  if (value === undefined) return undefined;
  const { type, bodies, message, id, action, reason } = value;
  switch (type) {
    case 'ready':
      return typeof bodies === 'boolean' ? { type, bodies } : undefined;
    case 'failed':
      return typeof message === 'string' ? { type, message } : undefined;
    case 'verdict': {
      if (typeof id !== 'number' || typeof reason !== 'string') return undefined;
      if (action !== 'pass' && action !== 'note' && action !== 'deny' && action !== 'error') return undefined;
      return { type, id, action, reason };
    }
    default:
      return undefined;
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (line.length > MAX_ANSWER_CHARACTERS) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : undefined;
  } catch {
    // Not JSON: no answer.
    return undefined;
  }
}
