// The shape of a record that is read back: a line in the log is foreign data until it fits. Kept apart from the writer, which
// must start without a schema library.
import { z } from 'zod';
import type { AuditRecord } from './record.ts';

const count = z.number().int().nonnegative();
const digest = z.string().regex(/^[0-9a-f]{64}$/);

export const auditRecordSchema = z.strictObject({
  seq: z.number().int().positive(),
  time: z.iso.datetime(),
  cage: z.string(),
  direction: z.enum(['outbound', 'inbound']),
  protocol: z.enum(['http', 'websocket', 'dns', 'tcp', 'control']),
  method: z.string(),
  host: z.string(),
  port: z.number().int().min(0).max(65_535),
  path: z.string(),
  decision: z.enum(['allow', 'deny', 'ask']),
  rule: z.string(),
  inspectors: z.array(
    z.strictObject({ name: z.string(), action: z.enum(['pass', 'note', 'deny']), reason: z.string() }),
  ),
  bytesOut: count,
  bytesIn: count,
  secrets: z.array(z.string()),
  end: z
    .strictObject({
      of: z.number().int().positive(),
      status: count,
      outcome: z.enum(['complete', 'aborted', 'refused', 'upstream-error']),
      detail: z.string(),
    })
    .optional(),
  prev: digest,
  hash: digest,
}) satisfies z.ZodType<AuditRecord>;
