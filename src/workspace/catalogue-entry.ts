// One row of the catalogue of what can run on the host or steer another agent: which files, what reads them, when, how grave.
import type { FindingClass, Rank } from './finding.ts';

export interface CatalogueEntry {
  class: FindingClass;
  rank: Rank;
  /** What runs it. */
  trigger: string;
  /** When that happens. */
  when: string;
  /**
   * In lower case, at any depth of the project: a name, a path, or a directory (with a slash at its end) for all that lies below;
   * `*` stands for anything but a slash.
   */
  files: readonly string[];
  /** What a file counts for: fields other than `harmless` changed. Absent: any change counts. */
  fields?: CatalogueFields;
  /** Only files that hold this count, and of them those with a new line that is telling. */
  holding?: RegExp;
  /** `holding` is looked for where editors do: at the beginning and the end. */
  ends?: true;
  /** Lines to show before others. Looked for in each line by itself. Lines may be long: without unbounded repetitions. */
  telling?: RegExp;
  /** It also restrains: that it is gone counts as well. */
  restrains?: true;
}

export interface CatalogueFields {
  format: 'json' | 'toml';
  /** Dotted names of fields whose change starts, fetches and resolves nothing. */
  harmless: readonly string[];
}

type Extra = Pick<CatalogueEntry, 'fields' | 'holding' | 'ends' | 'telling' | 'restrains'>;

/** `files`: patterns with blanks between them. */
export function entry(
  findingClass: FindingClass,
  rank: Rank,
  [trigger, when]: readonly [trigger: string, when: string],
  files: string,
  extra: Extra = {},
): CatalogueEntry {
  return { class: findingClass, rank, trigger, when, files: files.trim().split(/\s+/), ...extra };
}
