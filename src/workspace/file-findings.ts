// Everything that is to be said of one changed file: by the catalogue, by its mode, by its link, by its text. Pure but for the
// parsers that it loads. In doubt it says something.
import { printableLine } from '../platform/text.ts';
import { toText, type BytePath } from './byte-path.ts';
import { catalogueEntries, entriesBelow } from './catalogue.ts';
import type { CatalogueEntry } from './catalogue-entry.ts';
import { changedFields } from './changed-fields.ts';
import { newLines, showLines, type NewLine } from './changed-lines.ts';
import type { Finding } from './finding.ts';
import { countHidden } from './hidden-unicode.ts';
import type { LeadsOut } from './host-links.ts';
import type { OtherNames } from './link-names.ts';
import { hiddenLines, passesForBinary, steersTerminal, terminalLines } from './suspect-text.ts';
import type { TreeDifference } from './tree-diff.ts';

export interface FileContents {
  /** Undefined: there is no such side, or it was not read. */
  before: Buffer | undefined;
  after: Buffer | undefined;
  /** The new side was too large to be read. */
  unread: boolean;
  /** What links call the file. */
  otherNames: OtherNames;
  leadsOut: LeadsOut;
  /** Git on this machine runs it, or reads it as settings. */
  hostGitRuns?: boolean;
}

/** Not by its name, and so no row of the catalogue. */
const NAMED_BY_GIT: CatalogueEntry = {
  class: 'git-hook',
  rank: 'critical',
  trigger: 'git on this machine, whose settings or hooks name the file',
  when: 'on the next commit, checkout, merge, diff or push',
  files: [],
};

const NO_LINES = { lines: [], moreLines: 0 };
const MAX_DETAILS = 20;

export async function fileFindings(file: TreeDifference, contents: FileContents): Promise<Finding[]> {
  const { path, from } = file.bytes;
  const gone = file.after === undefined ? path : from;
  return [
    ...(gone === undefined ? [] : restraintsLost(gone, file.after === undefined ? undefined : path)),
    ...(file.after === undefined ? [] : await catalogueFindings(file, contents)),
    ...modeFindings(file, contents),
    ...(file.after === undefined || file.after.mode === '120000' ? [] : textFindings(file, contents)),
    ...(file.after === undefined ? [] : nameFindings(path)),
  ];
}

/** A file that restrained something is gone, or has moved to where it no longer does. */
function restraintsLost(gone: BytePath, to: BytePath | undefined): Finding[] {
  const still = to === undefined ? [] : catalogueEntries(to);
  return catalogueEntries(gone)
    .filter((entry) => entry.restrains === true && !still.includes(entry))
    .map((entry) => ({ ...describe(entry), details: [`${printableLine(toText(gone))} is gone`], ...NO_LINES }));
}

function describe({
  class: of,
  rank,
  trigger,
  when,
}: CatalogueEntry): Pick<Finding, 'class' | 'rank' | 'trigger' | 'when'> {
  return { class: of, rank, trigger, when };
}

async function catalogueFindings(file: TreeDifference, contents: FileContents): Promise<Finding[]> {
  const { path, from } = file.bytes;
  const below = file.after?.mode === '120000' ? entriesBelow(path) : [];
  const own = [...new Set([...catalogueEntries(path), ...below])];
  const formerly = from === undefined ? own : catalogueEntries(from);
  const findings: Finding[] = [];
  for (const entry of own) {
    // What was not read as this kind of file before is new as such, wherever its text comes from.
    const before = formerly.includes(entry) ? contents.before : undefined;
    findings.push(...(await entryFindings(entry, file, { ...contents, before })));
  }
  if (contents.hostGitRuns === true && !findings.some((finding) => finding.class === NAMED_BY_GIT.class))
    findings.push(...(await entryFindings(NAMED_BY_GIT, file, contents)));
  const { names, tooMany } = contents.otherNames(path);
  for (const { path: other, link } of names) {
    const entry = catalogueEntries(other).find(({ holding }) => holding === undefined);
    if (entry === undefined || own.includes(entry)) continue;
    const found = await entryFindings(entry, file, contents);
    const by = bounded([`by the link ${toText(link)}`]);
    findings.push(...found.map((finding) => ({ ...finding, details: [...by, ...finding.details] })));
  }
  return tooMany ? [...findings, manyNames()] : findings;
}

async function entryFindings(
  entry: CatalogueEntry,
  file: TreeDifference,
  { before, after, unread }: FileContents,
): Promise<Finding[]> {
  const { holding, fields } = entry;
  // In doubt by its name; what counts by its text alone has no name to go by.
  if (holding !== undefined && unread && !entry.files.includes('*'))
    return [{ ...describe(entry), details: ['it is too large to be looked into'], ...NO_LINES }];
  if (holding !== undefined && (after === undefined || !holding.test(textOf(after, entry.ends)))) return [];
  const lines = after === undefined || file.binary ? [] : newLines(before, after);
  if (holding !== undefined) {
    const telling = entry.telling ?? holding;
    const told = lines.filter(({ text }) => telling.test(text));
    return told.length === 0 ? [] : [{ ...describe(entry), details: [], ...showLines(told, telling) }];
  }
  if (fields === undefined) return [{ ...describe(entry), details: [], ...showLines(lines, entry.telling) }];
  const changed = unread ? undefined : await changedFields(fields, before, after);
  if (changed === undefined) {
    return [{ ...describe(entry), details: ['it cannot be taken apart'], ...showLines(lines, entry.telling) }];
  }
  if (changed.length === 0) return [];
  return [{ ...describe(entry), details: bounded(changed), ...showLines(lines, mentions(changed)) }];
}

/** More than any editor reads to find its settings. */
const END_BYTES = 16 * 1024;

function textOf(contents: Buffer, ends: true | undefined): string {
  if (ends === undefined || contents.length <= 2 * END_BYTES) return contents.toString('utf8');
  return `${contents.toString('utf8', 0, END_BYTES)}\n${contents.toString('utf8', contents.length - END_BYTES)}`;
}

function manyNames(): Finding {
  return {
    class: 'link-outside',
    rank: 'high',
    trigger: 'whatever reads the file by one of its other names',
    when: 'from now on: so many links lead to it that they were not all looked at',
    details: [],
    ...NO_LINES,
  };
}

function bounded(names: readonly string[]): string[] {
  const shown = names.slice(0, MAX_DETAILS).map((name) => Array.from(printableLine(name)).slice(0, 80).join(''));
  return names.length > shown.length ? [...shown, `and ${names.length - shown.length} more`] : shown;
}

/** Finds the lines that hold the last part of one of the names. */
function mentions(names: readonly string[]): RegExp {
  const parts = names.slice(0, MAX_DETAILS).map((name) => name.slice(name.lastIndexOf('.') + 1));
  return new RegExp(parts.map((part) => part.replace(/[^\w-]/g, '\\$&')).join('|'));
}

function modeFindings(file: TreeDifference, { after: target, leadsOut }: FileContents): Finding[] {
  const { before, after, bytes } = file;
  if (after === undefined) return [];
  switch (after.mode) {
    case '100755':
      if (before?.mode === '100755' && bytes.from === undefined) return [];
      return [
        {
          class: 'new-executable',
          rank: 'low',
          trigger: 'whoever starts it',
          when: 'from now on it can be started by its name',
          details: [],
          ...NO_LINES,
        },
      ];
    case '120000':
      return linkFindings(bytes.path, target, leadsOut);
    case '160000':
      return [
        {
          class: 'git-settings',
          rank: 'high',
          trigger: 'git submodule',
          when: 'on the next submodule update: it checks out another commit, with what that holds',
          details: [after.oid],
          ...NO_LINES,
        },
      ];
    default:
      return [];
  }
}

function linkFindings(path: BytePath, target: Buffer | undefined, leadsOut: LeadsOut): Finding[] {
  if (target !== undefined && !leadsOut(path, target.toString('latin1'))) return [];
  return [
    {
      class: 'link-outside',
      rank: 'critical',
      trigger: 'whatever reads or writes through the link',
      when: 'from now on: it leads, or may lead, out of the project or into a repository',
      details: target === undefined ? [] : bounded([`to ${target.toString('utf8')}`]),
      ...NO_LINES,
    },
  ];
}

function textFindings(file: TreeDifference, { before, after, unread }: FileContents): Finding[] {
  if (file.after?.mode === '160000') return [];
  if (file.binary)
    return after !== undefined && passesForBinary(after)
      ? [hidden(['it is text with bytes that make it pass for binary'], [])]
      : [];
  if (unread) return [hidden(['it is too large to be looked into'], [])];
  if (after === undefined) return [];
  const lines = newLines(before, after);
  const [concealed, steering] = [hiddenLines(lines), terminalLines(lines)];
  return [
    ...(concealed.length === 0 ? [] : [hidden([], concealed)]),
    ...(steering.length === 0 ? [] : [terminal([], steering)]),
  ];
}

function nameFindings(path: BytePath): Finding[] {
  const name = toText(path);
  return [
    ...(countHidden(`\n${name}`) === 0 ? [] : [hidden(['in the name'], [])]),
    ...(steersTerminal(name) ? [terminal(['in the name'], [])] : []),
  ];
}

function hidden(details: string[], lines: readonly NewLine[]): Finding {
  return {
    class: 'hidden-unicode',
    rank: 'high',
    trigger: 'whoever trusts what the text seems to say',
    when: 'on reading it: it holds what is not seen',
    details,
    ...showLines(lines, undefined),
  };
}

function terminal(details: string[], lines: readonly NewLine[]): Finding {
  return {
    class: 'terminal-sequence',
    rank: 'medium',
    trigger: 'a terminal that shows it',
    when: 'on cat, git diff without a pager, or ls',
    details,
    ...showLines(lines, undefined),
  };
}
