// The shape of a workspace's record, for a file that somebody else may have written.
import { z } from 'zod';

const oid = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const reasoned = z.strictObject({ path: z.string(), reason: z.string() });

const schema = z.strictObject({
  version: z.literal(1),
  strategy: z.enum(['overlay', 'copy', 'mount']).describe('How the project reaches the cage'),
  projectRoot: z.string().startsWith('/').describe('Absolute path of the project on the host'),
  writable: z.boolean().optional().describe('Of a mounted project'),
  includeIgnored: z.boolean().optional().describe('Whether files that look like secrets came along'),
  owner: z.strictObject({ uid: z.int().min(0), gid: z.int().min(0) }).optional(),
  base: z.strictObject({
    objectFormat: z.enum(['sha1', 'sha256']),
    tree: oid,
    commit: oid,
    head: oid.optional(),
    nested: z.array(z.string()),
    submodules: z.array(z.strictObject({ path: z.string(), commit: oid })).optional(),
    unreadable: z.array(z.string()),
  }),
  leftOut: z.array(reasoned).describe('Files of the project that the cage does not get'),
  maskedPaths: z.array(z.string()).describe('Absolute paths that the backend has to cover'),
  extraReadOnlyBinds: z.array(z.strictObject({ source: z.string(), target: z.string() })),
  lastApplied: oid.optional().describe('Tree of the cage when all of its change was last applied'),
  lastAppliedTip: oid.optional().describe('Commit that was checked out in the cage then'),
});

export type WorkspaceRecord = z.infer<typeof schema>;

export type ParsedRecord = { ok: true; record: WorkspaceRecord } | { ok: false; because: string };

export function parseWorkspaceRecord(text: string): ParsedRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, because: 'it is not JSON' };
  }
  const result = schema.safeParse(value);
  return result.success ? { ok: true, record: result.data } : { ok: false, because: z.prettifyError(result.error) };
}
