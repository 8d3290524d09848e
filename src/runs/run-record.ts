// The record of one run: what was asked for, how it stands, how it ended. Written by its recorder alone, out of the cage's reach,
// so that what it says was seen from outside.
import { z } from 'zod';
import { budgetSchema } from '../cage/budget-schema.ts';
import { parseJson } from '../platform/json.ts';
import { IronError } from '../platform/errors.ts';

const RUN_STATUSES = ['running', 'done', 'failed', 'stopped'] as const;

/** What ended a run before its agent was through by itself. */
const REASON_CODES = [
  'user',
  'interrupted',
  'budget-cost',
  'budget-tokens',
  'budget-time',
  'budget-bytes',
  'budget-unreadable',
  'stream-too-long',
  'cage-stopped',
  'cage-gone',
  'supervisor-gone',
  'not-started',
] as const;

const reasonSchema = z.strictObject({ code: z.enum(REASON_CODES), message: z.string() });

const countedSchema = z.strictObject({
  costUsd: z.number().nullable(),
  inputTokens: z.number(),
  outputTokens: z.number(),
});

const recordSchema = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  cage: z.string(),
  agent: z.string(),
  model: z.string().nullable(),
  status: z.enum(RUN_STATUSES),
  exitCode: z.number().int().nullable().describe('of the agent; 128 and its number for a signal'),
  reason: reasonSchema.nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  sessionId: z.string().nullable().describe('the agent’s own name for what can be gone on with'),
  resumes: z.string().nullable().describe('run whose session it went on with'),
  costUsd: z.number().nullable().describe('as the agent says; null: it does not'),
  inputTokens: z.number(),
  outputTokens: z.number(),
  session: countedSchema.nullable().describe('the same of its whole session, where the agent tells that'),
  sessionBefore: countedSchema.nullable().describe('what the session had used before this run'),
  bytesOut: z.number().nullable().describe('null: not counted'),
  budget: budgetSchema,
  notes: z.array(z.string()).describe('what whoever reads the stream must know of it'),
  init: z.strictObject({ pid: z.number(), startTicks: z.string() }).describe('of the cage that it ran in'),
  gvisor: z.boolean(),
});

export type RunReason = z.infer<typeof reasonSchema>;
export type RunRecord = z.infer<typeof recordSchema>;

/** Throws E_STATE_BROKEN. */
export function parseRecord(text: string, path: string): RunRecord {
  const parsed = recordSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new IronError('E_STATE_BROKEN', {
    message: `the record of a run cannot be read: ${path}`,
    because: parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`),
    hint: 'what its agent said still lies beside it, in stream.log; move the directory away and go on',
  });
}
