// The shape of a file of the secret store, for text that somebody else may have written.
import { z } from 'zod';
import { normaliseHost } from '../policy/hosts.ts';
import type { SecretSlot } from './types.ts';

export const slotSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('header'), name: z.string().regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/) }),
  z.strictObject({ kind: z.literal('bearer') }),
  z.strictObject({ kind: z.literal('basic-password') }),
]) satisfies z.ZodType<SecretSlot>;

const fileSchema = z.strictObject({
  version: z.literal(1),
  secrets: z.record(
    z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/),
    z.strictObject({
      value: z.string().min(1),
      hosts: z.array(z.string().refine((host) => normaliseHost(host) === host)),
      slots: z.array(slotSchema),
      createdAt: z.iso.datetime(),
    }),
  ),
});

export type StoreFile = z.infer<typeof fileSchema>;

/** The file's value, or the top-level key that is wrong: nothing deeper, since a wrong key may be a value. */
export function parseStoreFile(value: unknown): { ok: true; file: StoreFile } | { ok: false; key: string } {
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return { ok: true, file: parsed.data };
  return { ok: false, key: JSON.stringify(parsed.error.issues[0]?.path[0]) ?? 'the file' };
}
