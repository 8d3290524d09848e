// Everything that is to be said of one changed file: by the catalogue, by its mode, by its link, by its text. Pure but for the
// parsers that it loads. In doubt it says something.
import { printableLine } from '../platform/text.ts';
import { toText, type BytePath } from './byte-path.ts';
import { catalogueEntries } from './catalogue.ts';
import type { CatalogueEntry } from './catalogue-entry.ts';
import { changedFields } from './changed-fields.ts';
import { newLines, showLines, type NewLine } from './changed-lines.ts';
import type { Finding } from './finding.ts';
import { countHidden } from './hidden-unicode.ts';
import { staysInside } from './link-target.ts';
import { hiddenLines, passesForBinary, steersTerminal, terminalLines } from './suspect-text.ts';
import type { TreeDifference } from './tree-diff.ts';

export interface FileContents {
  /** Undefined: there is no such side, or it was not read. */
  before: Buffer | undefined;
  after: Buffer | undefined;
  /** The new side was too large to be read. */
  unread: boolean;
}

const NO_LINES = { lines: [], moreLines: 0 };
const MAX_DETAILS = 20;

export async function fileFindings(file: TreeDifference, contents: FileContents): Promise<Finding[]> {
  const { path, from } = file.bytes;
  const gone = file.after === undefined ? path : from;
  return [
    ...(gone === undefined ? [] : restraintsLost(gone, file.after === undefined ? undefined : path)),
    ...(file.after === undefined ? [] : await catalogueFindings(file, contents)),
    ...modeFindings(file, contents.after),
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

async function catalogueFindings(file: TreeDifference, { before, after, unread }: FileContents): Promise<Finding[]> {
  const findings: Finding[] = [];
  const formerly = file.bytes.from === undefined ? undefined : catalogueEntries(file.bytes.from);
  for (const entry of catalogueEntries(file.bytes.path)) {
    // What was not read as this kind of file before is new as such, wherever its text comes from.
    const past = formerly?.includes(entry) === false ? undefined : before;
    const lines = after === undefined || file.binary ? [] : newLines(past, after);
    if (entry.holding !== undefined) {
      const { holding, telling } = entry;
      const holds = after !== undefined && holding.test(after.toString('utf8'));
      if (!holds || !lines.some(({ text }) => (telling ?? holding).test(text))) continue;
      findings.push({
        ...describe(entry),
        details: [],
        ...showLines(
          lines.filter(({ text }) => (telling ?? holding).test(text)),
          telling,
        ),
      });
    } else if (entry.fields !== undefined) {
      const fields = unread ? undefined : await changedFields(entry.fields, past, after);
      if (fields?.length === 0) continue;
      const details = fields === undefined ? ['it cannot be taken apart'] : bounded(fields);
      findings.push({ ...describe(entry), details, ...showLines(lines, fields && mentions(fields)) });
    } else findings.push({ ...describe(entry), details: [], ...showLines(lines, entry.telling) });
  }
  return findings;
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

function modeFindings(file: TreeDifference, target: Buffer | undefined): Finding[] {
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
      return linkFindings(bytes.path, target);
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

function linkFindings(path: BytePath, target: Buffer | undefined): Finding[] {
  if (target !== undefined && staysInside(path, target.toString('latin1'))) return [];
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
