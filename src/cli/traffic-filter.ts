// The flags by which traffic is picked out, the same for every command that shows it.
import type { Flags } from './flags.ts';
import type { AuditFilter } from './library.ts';
import { parseSince } from './since.ts';
import { usageError } from './usage-error.ts';

/** Reads `--decision`, `--host` and `--since`. Throws E_USAGE. */
export function readTrafficFilter(flags: Flags, nowMs: number): AuditFilter {
  const filter: AuditFilter = {};
  const decision = flags.text('decision');
  const host = flags.text('host');
  const since = flags.text('since');
  if (decision === 'allow' || decision === 'deny' || decision === 'ask') filter.decision = decision;
  if (host !== undefined) filter.host = host;
  if (since !== undefined) filter.sinceMs = parseSince(since, nowMs);
  return filter;
}

/** Reads `-n`. Throws E_USAGE. */
export function readLastCount(flags: Flags): number | undefined {
  const text = flags.text('lines');
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usageError(`-n cannot be ${text}`, { because: 'it takes a whole number from 1 on', hint: 'write -n 20' });
}
