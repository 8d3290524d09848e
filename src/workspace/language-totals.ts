// A change by language: how many files, and which lines went in and out. A file's language is told by its name alone, from the list that
// scripts/generate-languages.mjs makes; nothing of it is read.
import languages from './languages.json' with { type: 'json' };
import type { DiffFile } from './tree-diff.ts';

export interface LanguageTotal {
  language: string;
  files: number;
  insertions: number;
  deletions: number;
}

/** Of files that no language is known for. */
const OTHER = 'other';
const BINARY = 'binary';

/** The language with the most changed lines first. */
export function languageTotals(files: readonly DiffFile[]): LanguageTotal[] {
  const names = byName();
  const totals = new Map<string, LanguageTotal>();
  for (const { path, binary, insertions, deletions } of files) {
    const language = binary ? BINARY : languageOf(path, names);
    const total = totals.get(language) ?? { language, files: 0, insertions: 0, deletions: 0 };
    totals.set(language, {
      language,
      files: total.files + 1,
      insertions: total.insertions + insertions,
      deletions: total.deletions + deletions,
    });
  }
  const lines = (total: LanguageTotal): number => total.insertions + total.deletions;
  return [...totals.values()].sort((a, b) => lines(b) - lines(a) || (a.language < b.language ? -1 : 1));
}

/** Endings with their dot, whole names behind an equals sign; all in lower case. */
function byName(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(languages).flatMap(([language, names]) => names.split(' ').map((name) => [name, language])),
  );
}

/** The longest ending that is known counts. */
function languageOf(path: string, names: ReadonlyMap<string, string>): string {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const whole = names.get(`=${name}`);
  if (whole !== undefined) return whole;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const found = names.get(name.slice(dot));
    if (found !== undefined) return found;
  }
  return OTHER;
}
