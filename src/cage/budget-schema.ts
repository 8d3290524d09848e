// What the runs of a cage, or one of them, may use, as it is kept and shown.
import { z } from 'zod';

export const budgetSchema = z.strictObject({
  costUsd: z.number().positive().optional().describe('US dollars, as agents tell them'),
  tokens: z.number().int().positive().optional(),
  timeMs: z.number().int().positive().optional(),
  bytes: z.number().int().positive().optional().describe('of bodies that leave the cage'),
});

export type Budget = z.infer<typeof budgetSchema>;
