// Where a credential stands in a request: reads the bound slots out of header fields. Used to judge, never to inject.
import type { Exchange, SecretSlot } from './types.ts';

type HeaderField = Exchange['headers'][number];

/** What a header field carries in a slot; undefined when the field is not that slot. `before` and `after` is the rest of it. */
export interface SlotContent {
  credential: string;
  /** Text of the field besides the credential: the scheme word, the user name. */
  rest: string;
}

/** Lower-case name of the header that a slot lives in. */
export function slotHeader(slot: SecretSlot): string {
  switch (slot.kind) {
    case 'header':
      return slot.name.toLowerCase();
    case 'bearer':
    case 'basic-password':
      return 'authorization';
    default:
      slot satisfies never;
      throw new Error('a secret has an unknown slot');
  }
}

export function readSlot(slot: SecretSlot, [name, value]: HeaderField): SlotContent | undefined {
  if (name.toLowerCase() !== slotHeader(slot)) return undefined;
  switch (slot.kind) {
    case 'header':
      return { credential: value, rest: '' };
    case 'bearer': {
      const [, scheme, credential] = /^(Bearer|token) +(\S+)$/i.exec(value) ?? [];
      return scheme === undefined || credential === undefined ? undefined : { credential, rest: scheme };
    }
    case 'basic-password': {
      const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value) ?? [];
      return encoded === undefined ? undefined : splitBasic(encoded);
    }
    default:
      slot satisfies never;
      throw new Error('a secret has an unknown slot');
  }
}

function splitBasic(encoded: string): SlotContent | undefined {
  let decoded: string;
  try {
    decoded = atob(encoded);
  } catch {
    // Not base64: then it is not this slot.
    return undefined;
  }
  const colon = decoded.indexOf(':');
  return colon < 0 ? undefined : { credential: decoded.slice(colon + 1), rest: decoded.slice(0, colon) };
}
