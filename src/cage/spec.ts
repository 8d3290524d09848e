// The spec: what was asked for. One JSON file per cage; everything else about a cage can be derived or made again.
import { z } from 'zod';
import { RUNTIME_KINDS } from '../backends/backend.ts';
import { IronError } from '../platform/errors.ts';
import { budgetSchema as runBudgetSchema } from './budget-schema.ts';
import { isCageName } from './names.ts';
import { CACHE_NAMES } from './package-caches.ts';

const countSchema = z.number().int().nonnegative().optional();
const budgetSchema = z.strictObject({
  requestsPerMinute: countSchema,
  requestsPerDay: countSchema,
  bytesPerMinute: countSchema,
  bytesPerDay: countSchema,
});

const ruleSchema = z.strictObject({
  id: z.string().describe('unique in the policy; shown in decisions'),
  effect: z.enum(['allow', 'deny']),
  origin: z.enum(['user', 'agent', 'bundle', 'preset']),
  host: z.string().describe('exact host, *.host (one label) or **.host (any depth)'),
  port: z.number().int().min(1).max(65535).optional(),
  scheme: z.enum(['https', 'http']).optional(),
  methods: z.array(z.string()).readonly().optional(),
  path: z.string().optional().describe('path glob; absent: any'),
  maxQueryBytes: z.number().int().nonnegative().optional(),
  websocket: z.boolean().optional(),
  private: z.boolean().optional().describe('may resolve to a private address'),
  contentTypes: z.array(z.string()).readonly().optional(),
  maxBodyBytes: z.number().int().nonnegative().optional(),
  budget: budgetSchema.optional(),
  passthrough: z.boolean().optional().describe('raw TCP, not looked into'),
  expires: z.string().optional().describe('ISO 8601; what cannot be read has expired'),
  secrets: z.array(z.string()).readonly().optional(),
  pushRefs: z.array(z.string()).readonly().optional(),
  sharedSuffix: z.boolean().optional(),
  reason: z.string().optional(),
});

const settingSchema = z.enum(['off', 'flag', 'block']);
/** `module`: absolute path on the host; `timeoutMs`: for one answer. */
const inspectorSchema = z.strictObject({ name: z.string(), module: z.string(), timeoutMs: z.int().positive() });
const inspectionSchema = z.strictObject({ secretShapes: settingSchema, payloadShape: settingSchema });

const slotSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('header'), name: z.string() }),
  z.strictObject({ kind: z.literal('bearer') }),
  z.strictObject({ kind: z.literal('basic-password') }),
]);

const bindingSchema = z.strictObject({
  name: z.string(),
  hosts: z.array(z.string()).min(1).readonly().describe('exact hosts'),
  slots: z.array(slotSchema).min(1).readonly(),
  placeholder: z.string().min(32),
  env: z.string().describe('variable inside the cage that holds the placeholder'),
});

const routeSchema = z.strictObject({
  host: z.string(),
  address: z.string(),
  port: z.number().int().min(1).max(65535),
  caPem: z.string().optional(),
});

const bindSchema = z.strictObject({ source: z.string(), target: z.string(), writable: z.boolean() });

const portNumberSchema = z.number().int().min(1).max(65535);
const publishedPortSchema = z.strictObject({
  address: z.string().describe('of this machine, canonical'),
  port: portNumberSchema,
  cagePort: portNumberSchema,
});

const dirSchema = z.strictObject({
  name: z.string().refine(isCageName).describe('by which commands know it'),
  path: z.string().startsWith('/').describe('absolute real path on the host, and the path inside'),
});

const engineSchema = z.strictObject({
  selectors: z.array(z.string()).readonly().describe('arguments of its command line that choose a daemon'),
  rootless: z.boolean(),
  gated: z.boolean().default(false).describe('only a second container gets into its network'),
  limits: z.strictObject({ memory: z.boolean(), pids: z.boolean(), cpu: z.boolean() }),
  runtime: z
    .strictObject({ name: z.string(), kind: z.enum(RUNTIME_KINDS) })
    .optional()
    .describe('OCI runtime that was asked for; absent: the engine’s own'),
});

const specSchema = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  project: z.string().describe('absolute real path on the host, and the path inside'),
  source: z
    .strictObject({ url: z.string(), branch: z.string().optional() })
    .optional()
    .describe('what the project was cloned from, without credentials'),
  startIn: z.string().startsWith('/').optional().describe('directory below the project where programs start'),
  includeIgnored: z.literal(true).optional().describe('files that git ignores and that look like secrets came along'),
  backend: z.enum(['native', 'docker', 'podman']),
  image: z.string().optional().describe('of a container, as it was named'),
  imageId: z.string().optional().describe('of an image of somebody else’s: what its name stood for when it was taken'),
  built: z
    .strictObject({ packages: z.array(z.string()).readonly(), toolchains: z.array(z.string()).readonly() })
    .optional()
    .describe('what goes into an image that ironcage built'),
  imagePath: z.string().optional().describe('PATH that the image sets'),
  dockerfile: z.string().optional().describe('absolute path of the file that the image was built from'),
  imageAgent: z.string().optional().describe('the agent that the image brings; the host’s copy is not needed'),
  sudo: z.literal(true).optional().describe('its user may become root of its container'),
  engine: engineSchema.optional().describe('that has the container: another one would not know it'),
  preset: z.enum(['safe']),
  workspace: z.enum(['copy', 'mount', 'mount-ro']),
  dirs: z.array(dirSchema).readonly().optional().describe('further directories; each comes as the project does'),
  net: z.enum(['filtered', 'ask', 'learn', 'none', 'open']),
  auth: z.enum(['api-key', 'none']),
  agent: z.string().optional().describe('the profile this cage was made for'),
  createdAt: z.string(),
  home: z.string().describe('home directory inside'),
  slot: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('of a cage made by root: which pair of host uids it runs as'),
  profile: z
    .string()
    .refine(isCageName)
    .optional()
    .describe('name of the home that it shares; absent: a home of its own'),
  caches: z.array(z.enum(CACHE_NAMES)).readonly().optional().describe('package caches that it shares'),
  sharedSlot: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('of a cage made by root that shares a home or caches: whose user its programs are'),
  runsAs: z
    .strictObject({ uid: z.int().positive(), gid: z.int().positive() })
    .optional()
    .describe('of a cage made by root over a mounted project: who owns the project'),
  generation: z.number().int().positive().describe('of the policy; rises with every change'),
  rules: z.array(ruleSchema).readonly(),
  inspection: inspectionSchema.optional(),
  inspectors: z.array(inspectorSchema).readonly().default([]),
  secrets: z.array(bindingSchema).readonly(),
  routes: z.array(routeSchema).readonly(),
  env: z.record(z.string(), z.string()),
  binds: z.array(bindSchema).readonly(),
  ports: z.array(publishedPortSchema).readonly().optional().describe('published on the host'),
  budget: runBudgetSchema.optional().describe('of all its runs together'),
  limits: z.strictObject({
    memoryBytes: z.number().int().positive().optional(),
    pids: z.number().int().positive().optional(),
    cpus: z.number().positive().optional(),
  }),
});

export type CageSpec = z.infer<typeof specSchema>;
export type SpecDir = z.infer<typeof dirSchema>;
export type SpecBinding = CageSpec['secrets'][number];

/** Reads a spec from its file's text; throws E_SPEC_BROKEN that names the file and every key that is wrong. */
export function parseSpec(text: string, path: string, name: string): CageSpec {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw brokenSpec(path, `it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const result = specSchema.safeParse(value);
  if (result.success && result.data.name === name) return result.data;
  if (result.success) throw brokenSpec(path, `name: it is the spec of ${JSON.stringify(result.data.name)}`);
  const issues = result.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
  throw brokenSpec(path, issues.join('; '));
}

function brokenSpec(path: string, because: string): IronError {
  return new IronError('E_SPEC_BROKEN', {
    message: `the spec of a cage cannot be read: ${path}`,
    because,
    hint: 'repair the file, or take the cage away with `ironcage rm --discard`; its workspace is still there until then',
    details: { path },
  });
}
