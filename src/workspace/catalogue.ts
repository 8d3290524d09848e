// The whole catalogue, and which of its rows a path falls under. Paths are compared as the most lenient file system would: without
// case, in one Unicode form, without what HFS+ and NTFS ignore in names. Must not look at contents.
import { compileGlob } from './ignore-pattern.ts';
import { toText, type BytePath } from './byte-path.ts';
import type { CatalogueEntry } from './catalogue-entry.ts';
import { DESK } from './catalogue-desk.ts';
import { PROJECT } from './catalogue-project.ts';
import { SERVICES } from './catalogue-services.ts';
import { foldPath } from './fold-name.ts';

export const CATALOGUE: readonly CatalogueEntry[] = [...DESK, ...PROJECT, ...SERVICES];

interface Place {
  /** Folded, behind a slash. */
  path: string;
  name: string;
}

type Matcher = (place: Place) => boolean;

/** Rows by the plain names in them, and what has to be tried one after the other. */
const byName = new Map<string, CatalogueEntry[]>();
const others: { entry: CatalogueEntry; matches: Matcher }[] = [];
for (const entry of CATALOGUE) {
  for (const pattern of entry.files) {
    if (/[*/]/.test(pattern)) others.push({ entry, matches: matcher(pattern) });
    else byName.set(pattern, [...(byName.get(pattern) ?? []), entry]);
  }
}

function matcher(pattern: string): Matcher {
  if (!pattern.includes('/')) {
    if (pattern === '*') return () => true;
    const matches = compileGlob(pattern);
    const lead = pattern.slice(0, pattern.indexOf('*'));
    return ({ name }) => name.startsWith(lead) && matches(name);
  }
  // Anchored at the project's root.
  if (pattern.startsWith('/')) return ({ path }) => path === pattern;
  if (pattern.endsWith('/')) return ({ path }) => path.includes(`/${pattern}`);
  if (!pattern.includes('*')) return ({ path }) => path.endsWith(`/${pattern}`);
  const matches = compileGlob(`**/${pattern}`);
  const lead = `/${pattern.slice(0, pattern.indexOf('*'))}`;
  return ({ path }) => path.includes(lead) && matches(path.slice(1));
}

/** The rows that name what may lie below a link of that path: with it, all of the directory is there at once. */
export function entriesBelow(path: BytePath): CatalogueEntry[] {
  const folded = `/${foldPath(toText(path))}`;
  return CATALOGUE.filter(({ files }) =>
    files.some((pattern) => {
      const parts = pattern.split('/').slice(0, -1);
      return parts.some((part, depth) => {
        const above = parts.slice(0, depth + 1).join('/');
        return part !== '' && (above.startsWith('/') ? folded === above : folded.endsWith(`/${above}`));
      });
    }),
  );
}

/** The rows that name a file, each once, in the catalogue's order. */
export function catalogueEntries(path: BytePath): CatalogueEntry[] {
  const folded = `/${foldPath(toText(path))}`;
  const place = { path: folded, name: folded.slice(folded.lastIndexOf('/') + 1) };
  const found = new Set(byName.get(place.name));
  for (const { entry, matches } of others) if (!found.has(entry) && matches(place)) found.add(entry);
  return found.size < 2 ? [...found] : CATALOGUE.filter((entry) => found.has(entry));
}
