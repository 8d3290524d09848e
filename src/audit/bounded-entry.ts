// Cuts an entry down to a bound and says so where it cut: a cage decides how long its names, paths and requests are, and must
// not decide how fast the log grows. Numbers, decisions and what an end belongs to are never touched.
import type { AuditEntry } from './record.ts';

/** Tried one after the other; the last fits whatever the entry holds. */
const STEPS = [
  { characters: 4096, members: 64 },
  { characters: 1024, members: 16 },
  { characters: 256, members: 8 },
  { characters: 64, members: 4 },
] as const;

/** The first cut of `entry` of which `fits` says yes, or the shortest there is. */
export function boundedEntry(entry: AuditEntry, fits: (entry: AuditEntry) => boolean): AuditEntry {
  let bounded = entry;
  for (const step of STEPS) {
    bounded = cutEntry(entry, step);
    if (fits(bounded)) break;
  }
  return bounded;
}

function cutEntry(entry: AuditEntry, { characters, members }: (typeof STEPS)[number]): AuditEntry {
  const cut = (text: string): string =>
    text.length <= characters ? text : `${text.slice(0, characters)}…(${text.length} characters)`;
  const { inspectors, secrets, end } = entry;
  const notes = inspectors.slice(0, members).map(({ name, action, reason }) => ({
    ...{ name: cut(name), action, reason: cut(reason) },
  }));
  const further = inspectors.length - notes.length;
  if (further > 0) notes.push({ name: 'audit', action: 'note', reason: `${further} further notes were left out` });
  return {
    ...entry,
    method: cut(entry.method),
    host: cut(entry.host),
    path: cut(entry.path),
    rule: cut(entry.rule),
    inspectors: notes,
    secrets:
      secrets.length <= members
        ? secrets.map(cut)
        : [...secrets.slice(0, members).map(cut), `…(${secrets.length} names)`],
    ...(end === undefined ? {} : { end: { ...end, detail: cut(end.detail) } }),
  };
}
