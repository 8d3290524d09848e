// What the runs of a cage, or one of them, may use, as it is typed. How it is kept says budget-schema.ts: who types needs no zod.
import { IronError } from '../platform/errors.ts';
import { parseCount, parseSize, parseSpan } from '../policy/quantities.ts';
import type { Budget } from './budget-schema.ts';

/** As typed. */
export interface BudgetOptions {
  cost?: string | undefined;
  tokens?: string | undefined;
  time?: string | undefined;
  bytes?: string | undefined;
}

/** `prefix`: of the options, for the error. Throws E_USAGE. */
export function parseBudget({ cost, tokens, time, bytes }: BudgetOptions, prefix: string): Budget {
  return {
    ...(cost !== undefined && { costUsd: parseCost(cost, `${prefix}cost`) }),
    ...(tokens !== undefined && { tokens: need(parseCount(tokens), `${prefix}tokens`, tokens, '200000') }),
    ...(time !== undefined && { timeMs: need(parseSpan(time), `${prefix}time`, time, '30m or 2h') }),
    ...(bytes !== undefined && { bytes: need(positive(parseSize(bytes)), `${prefix}bytes`, bytes, '100MB') }),
  };
}

function parseCost(text: string, option: string): number {
  const cost = /^\d{1,6}(\.\d{1,4})?$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
  return need(cost, option, text, '2.50, in US dollars');
}

function positive(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

function need(value: number | undefined, option: string, text: string, example: string): number {
  if (value !== undefined) return value;
  throw new IronError('E_USAGE', {
    message: `${option} cannot be ${JSON.stringify(text)}`,
    hint: `write something such as ${example}`,
  });
}
