// The first thing in a backup: what it is and what to expect. Strict, since somebody else may have written it: a key or a version that is
// not known is a refusal, never something to be passed over.
import { z } from 'zod';
import { parseJson } from '../platform/json.ts';
import { refused } from './refusal.ts';

export const FORMAT_VERSION = 1;
export const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

const oid = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const text = z.string().max(4096);
const reasoned = z.strictObject({ path: text, reason: text });

const workspaceSchema = z.strictObject({
  dir: z
    .string()
    .regex(/^$|^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
    .describe('name of a further directory; empty: the project'),
  path: text.startsWith('/').describe('on the host, and inside'),
  hasTree: z.boolean().describe('false of a mounted project, which is the host’s'),
  base: z.strictObject({
    objectFormat: z.enum(['sha1', 'sha256']),
    tree: oid,
    commit: oid,
    head: oid.optional(),
    nested: z.array(text).max(100_000),
    submodules: z
      .array(z.strictObject({ path: text, commit: oid }))
      .max(100_000)
      .optional(),
    unreadable: z.array(text).max(100_000),
  }),
  leftOut: z.array(reasoned).max(100_000).describe('of the project, when the cage was made'),
  lastApplied: oid.optional(),
});

const schema = z.strictObject({
  format: z.literal('ironcage-backup'),
  version: z.literal(FORMAT_VERSION),
  ironcage: text.describe('version that wrote it'),
  createdAt: z.iso.datetime(),
  cage: text,
  spec: z.record(z.string(), z.unknown()).describe('as in spec.json, without placeholders'),
  agent: z.string().max(65_536).optional(),
  workspaces: z.array(workspaceSchema).min(1).max(1000),
  hasHome: z.boolean(),
  hasSecrets: z.boolean(),
  entries: z.int().nonnegative().describe('things behind this manifest, less the list'),
  bytes: z.int().nonnegative().describe('of all files among them'),
  leftOut: z.array(reasoned).max(100_000).describe('what the backup does not hold'),
});

export type Manifest = z.infer<typeof schema>;

export function parseManifest(json: string): Manifest {
  const value = parseJson(json);
  const version = typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined;
  if (typeof version === 'number' && version > FORMAT_VERSION)
    throw refused(`its format is version ${version}, and this ironcage reads up to ${FORMAT_VERSION}: use a newer one`);
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw refused(`its manifest is wrong at ${JSON.stringify(issue?.path.join('.') ?? '')}: ${issue?.message ?? ''}`);
  }
  const dirs = result.data.workspaces.map(({ dir }) => dir);
  if (dirs[0] !== '' || new Set(dirs).size !== dirs.length) throw refused('its manifest names a directory twice');
  return result.data;
}
