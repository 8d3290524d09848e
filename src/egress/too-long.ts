// The refusal of what is longer than the rule that let its request pass says: the same of a body and of a WebSocket message.
import { Refusal } from './refusal.ts';

export function tooLong(what: 'body' | 'message', maxBytes: number): Refusal {
  const reason = `the rule lets a ${what} of at most ${maxBytes} bytes pass`;
  return new Refusal({ status: 403, rule: '<max-body>', reason });
}
