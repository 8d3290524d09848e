// Types of message-types.mjs, for the host.

export type Sender = 'cage' | 'user' | 'host';
export type FieldKind = 'string' | 'integer' | 'number' | 'boolean' | 'strings' | 'files';

export interface MessageType {
  from: Sender;
  summary: string;
  required: Readonly<Record<string, FieldKind>>;
  optional: Readonly<Record<string, FieldKind>>;
  /** The field that plain text is meant for. */
  text?: string;
  example: Readonly<Record<string, unknown>>;
}

export const MAX_MESSAGE_BYTES: number;
export const MAX_DEPTH: number;
export const ID_PATTERN: string;
export const MESSAGE_TYPES: Readonly<Record<string, MessageType>>;
export function typesFrom(sender: Sender): string[];
export function faultsOf(sender: Sender, type: string, payload: unknown): string[];
