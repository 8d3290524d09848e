// `--since`: an age such as 1h, or a point in time, as milliseconds since the epoch.
import { usageError } from './usage-error.ts';

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Milliseconds since the epoch. Throws E_USAGE for anything that is neither. */
export function parseSince(text: string, nowMs: number, option = '--since'): number {
  const age = /^(\d{1,6})([smhdw])$/.exec(text);
  const unitMs = UNITS_MS[age?.[2] ?? ''];
  if (age?.[1] !== undefined && unitMs !== undefined) return nowMs - Number(age[1]) * unitMs;
  const time = ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw usageError(`${option} cannot read ${text}`, {
    because: 'it takes an age or a point in time',
    hint: 'write 30m, 1h, 7d, or 2026-11-21T09:00:00Z',
  });
}
