// The shape of what is written down of a snapshot, for a file that somebody else may have written.
import { z } from 'zod';
import { parseJson } from '../platform/json.ts';
import { anotherPlaceholder } from './secrets.ts';
import { parseSpec, type CageSpec } from './spec.ts';

const schema = z.strictObject({
  version: z.literal(1),
  createdAt: z.string(),
  automatic: z.boolean().describe('made by rewind, of what was there before'),
  bytes: z.int().nonnegative().describe('on disk'),
  leftOut: z.array(z.strictObject({ path: z.string(), reason: z.string() })).readonly(),
  notPart: z.array(z.string()).readonly().describe('what one could take for data of the cage'),
  spec: z.record(z.string(), z.unknown()).describe('of the cage as it was then, without placeholders'),
});
export type SnapshotRecord = z.infer<typeof schema>;

export function parseSnapshotRecord(text: string): { record: SnapshotRecord } | { because: string } {
  const parsed = schema.safeParse(parseJson(text));
  return parsed.success ? { record: parsed.data } : { because: z.prettifyError(parsed.error) };
}

const bindings = z.array(z.looseObject({ name: z.string() }));

/** The spec that was written down, with placeholders that stand for nothing. Throws E_SPEC_BROKEN. */
export function specOfSnapshot({ spec }: SnapshotRecord, cage: string, snapshot: string): CageSpec {
  const secrets = bindings.safeParse(spec['secrets']);
  const whole = secrets.success
    ? {
        ...spec,
        secrets: secrets.data.map((binding) => ({ ...binding, placeholder: anotherPlaceholder(binding.name) })),
      }
    : spec;
  return parseSpec(JSON.stringify(whole), `of the snapshot ${snapshot}`, cage);
}
