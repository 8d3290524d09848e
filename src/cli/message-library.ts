// What the command line asks of the library about the messages of a cage.
import type { Context } from './library-context.ts';

export interface Message {
  seq: number;
  id: string;
  from: 'cage' | 'user' | 'host';
  type: string;
  time: string;
  sentAt?: string;
  replyTo?: string;
  run?: string;
  payload: Readonly<Record<string, unknown>>;
  untrusted: boolean;
}

type PollEvent = { event: 'message'; message: Message } | { event: 'timeout' } | { event: 'gone'; reason: string };

export interface MessageLibrary {
  readMessages(
    context: Context,
    cage: string,
    options: { consumer?: string | undefined; all?: boolean },
  ): AsyncIterable<Message>;
  pollMessages(
    context: Context,
    cage: string,
    options: {
      consumer?: string | undefined;
      run?: string | undefined;
      timeoutMs: number;
      intervalMs?: number | undefined;
      maxIntervalMs?: number | undefined;
      signal: AbortSignal;
    },
  ): AsyncIterable<PollEvent>;
  /** The exit code that a message ends a poll with, or one for that run. */
  outcomeOf(message: Message, run?: string): Promise<number | undefined>;
  acknowledge(context: Context, cage: string, seq: number, options: { consumer?: string | undefined }): Promise<void>;
  forgetMessages(context: Context, cage: string): Promise<number>;
  sendMessage(
    context: Context,
    cage: string,
    type: string,
    payload: Readonly<Record<string, unknown>>,
    options: { replyTo?: string | undefined },
  ): Promise<Message>;
  /** What plain text means as a payload of this type. */
  payloadOfText(type: string, text: string): Promise<Readonly<Record<string, unknown>>>;
}
