// A message as callers see it. What stems from inside a cage says so: an outer agent that reads it must take it for text that
// anybody may have written, not for instructions.
import { MESSAGE_TYPES, typesFrom } from '../guest/message-types.mjs';
import { parseJson } from '../platform/json.ts';
import type { JournalEntry } from './journal.ts';

export interface Message {
  /** The host's count, over all messages of the cage. */
  seq: number;
  id: string;
  /** `host`: ironcage itself, of what it saw in the cage. */
  from: 'cage' | 'user' | 'host';
  type: string;
  /** Receipt, by the host's clock, ISO. */
  time: string;
  /** By the sender's clock, which may lie. */
  sentAt?: string;
  replyTo?: string;
  run?: string;
  payload: Readonly<Record<string, unknown>>;
  /** It was written inside the cage, or quotes what is inside. */
  untrusted: boolean;
}

export function messageOf({ file: _file, ...entry }: JournalEntry): Message {
  return { ...entry, untrusted: entry.from !== 'user' || entry.restored === true };
}

/**
 * What a message means for whoever waits for the work: the exit code of `outbox --poll`, or undefined where it goes on. `awaited`: the run
 * that is waited for; what says that it is of another one ends nothing.
 */
export function outcomeOf(
  { from, type, payload, run }: Pick<Message, 'from' | 'type' | 'payload' | 'run'>,
  awaited?: string,
): number | undefined {
  if (from !== 'cage') return undefined;
  if (awaited !== undefined && run !== undefined && run !== awaited) return undefined;
  switch (type) {
    case 'task_complete':
      return payload['exit_code'] === 0 ? POLL_EXIT.complete : POLL_EXIT.failed;
    case 'question':
    case 'info_request':
      return POLL_EXIT.asks;
    case 'going_idle':
      return POLL_EXIT.idle;
    default:
      return undefined;
  }
}

/** As the command-line contract fixes them. */
export const POLL_EXIT = { complete: 0, failed: 10, asks: 11, idle: 12, timeout: 13, gone: 14 } as const;

/** Text that is no JSON object, as the payload of a message into a cage: in the field that is meant for it. */
export function payloadOfText(type: string, text: string): Record<string, unknown> {
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  const field = typesFrom('user').includes(type) ? MESSAGE_TYPES[type]?.text : undefined;
  return field === undefined ? {} : { [field]: text.trimEnd() };
}
