// One message as somebody inside a cage wrote it: bytes that may be anything, made into what the host knows of it or a reason
// why it is none. Only named fields come through; seq, order and time of receipt are the host's to give.
import { z } from 'zod';
import { faultsOf, ID_PATTERN, typesFrom } from '../guest/message-types.mjs';
import { parseJson } from '../platform/json.ts';

const id = z.string().regex(new RegExp(ID_PATTERN), 'no id: letters, digits, . _ : - and at most 100 of them');
const envelope = z.object({
  version: z.literal(1),
  id,
  type: z.enum(typesFrom('cage')),
  time: z.string().max(40).optional(),
  /** What agents of trusty-cage call it. */
  timestamp: z.string().max(40).optional(),
  replyTo: id.optional(),
  run: id.optional(),
  payload: z.record(z.string(), z.unknown()),
});

interface Incoming {
  id: string;
  type: string;
  /** By the clock of who sent it, which may lie. */
  sentAt?: string;
  replyTo?: string;
  run?: string;
  payload: Record<string, unknown>;
}

export type ReadEnvelope =
  | { ok: true; message: Incoming }
  /** `half`: it may be in the middle of being written. */
  | { ok: false; reason: string; half: boolean };

export function readEnvelope(bytes: Buffer): ReadEnvelope {
  const value = parseJson(bytes.toString('utf8'));
  if (value === undefined) return { ok: false, reason: 'it is no JSON', half: true };
  const parsed = envelope.safeParse(value);
  if (!parsed.success) {
    const [first] = parsed.error.issues;
    return { ok: false, reason: `${first?.path.join('.') || 'the message'}: ${first?.message}`, half: false };
  }
  const { type, payload, time, timestamp, replyTo, run } = parsed.data;
  const [fault] = faultsOf('cage', type, payload);
  if (fault !== undefined) return { ok: false, reason: `${type}: ${fault}`, half: false };
  const sentAt = readTime(time ?? timestamp);
  return {
    ok: true,
    message: {
      ...{ id: parsed.data.id, type, payload },
      ...(sentAt !== undefined && { sentAt }),
      ...(replyTo !== undefined && { replyTo }),
      ...(run !== undefined && { run }),
    },
  };
}

/** In the one spelling; undefined for what is no time. */
function readTime(text: string | undefined): string | undefined {
  const milliseconds = Date.parse(text ?? '');
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds).toISOString();
}
