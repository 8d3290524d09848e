// The page docs/review.md: how findings come to be, and the catalogue with every class and row. Written so that the formatter leaves
// it as it is.
import { CATALOGUE } from './catalogue.ts';
import type { CatalogueEntry } from './catalogue-entry.ts';
import { FINDING_CLASSES, RANKS, type FindingClass, type Rank } from './finding.ts';

const INTRODUCTION = `# What a review finds

<!-- Generated from the catalogue in src/workspace by scripts/generate-docs.mjs. -->

\`ironcage review\` ranks the files of a change by what they can do on the host: run there, or steer another agent or a reader. Every other
file of the change is ordinary: it runs when you run the project.

- Decide in the terminal, or with \`--accept\` and \`--leave-out\`, by file (\`.envrc\`, \`docs/\`, \`**/*.mk\`) or by class (\`ci\`).
- A decision holds for one class at one file with exactly these contents. A file that changes later is undecided again.
- \`ironcage apply\` takes what was accepted, leaves out what was left out, and asks about the rest.
- Names are compared as the most lenient file system would: without case, in one Unicode form, without what macOS and Windows ignore.
- Where a manifest can be read, it counts only by the fields that run, fetch or resolve something, and they are named. One that cannot be
  read, or that could be read in two ways, counts as a whole.
- Of files that restrain something (an \`.npmrc\`, the permissions of an agent), it counts as well that they are gone.

## Ranks
`;

const RANK_MEANINGS: Readonly<Record<Rank, string>> = {
  critical:
    'it acts without a command of yours, when a directory is entered, opened or looked at by git; or it leads out of the project',
  high: 'it acts with the next everyday command (commit, install, build, test, an agent), or misleads who reads it',
  medium: 'it acts elsewhere (CI, containers, another system), or decides what is fetched',
  low: 'it can act, but nothing makes it do so by itself',
};

/** Of classes that no name gives away: how they are found. */
const OTHERWISE: Partial<Record<FindingClass, string>> = {
  'embedded-repository': 'any file in a directory with `HEAD`, and `objects` and `refs`, or `commondir`',
  'git-hook':
    'a file that the project’s git on this machine runs or includes: named by `core.hooksPath`, by a hook or where a hook leads to as a link, by a filter, driver, alias or another setting that is a program',
  'git-settings': 'a submodule that stands at another commit',
  'new-executable':
    'a file with the executable bit that is new, or at a new place. The set-user-id bit never leaves a copy; in a mounted project, where it is on this machine at once, it is named beside the change',
  'link-outside':
    'a link that is absolute, climbs above the project, into a `.git`, or out of a directory that it has just named',
  'name-collision': 'a new file whose path, or a directory of it, is equal to another one when folded',
  'odd-name':
    'devices of Windows (`con`, `nul`), short names (`CLAUDE~1.MD`), a dot or space at the end, `:` and `\\`, a dash at the beginning, bytes that are no UTF-8. Forms of `.git` never leave a cage',
  'hidden-unicode':
    'new lines and names with direction overrides, zero-width characters, tags and other invisible ones; text that passes for binary by a few odd bytes; text of more than 4 MiB',
  'terminal-sequence': 'new lines and names with control characters, but for tabs, form feeds and line ends',
};

export function renderCatalogue(): string {
  const classes = Object.entries(FINDING_CLASSES).map(([name, meaning]) => section(name, meaning));
  return [
    INTRODUCTION,
    `${RANKS.map((rank) => `- **${rank}**: ${RANK_MEANINGS[rank]}`).join('\n')}\n`,
    '## Classes\n',
    ...classes,
  ].join('\n');
}

function section(name: string, meaning: string): string {
  const rows = CATALOGUE.filter((entry) => entry.class === name).map(row);
  const [, otherwise] = Object.entries(OTHERWISE).find(([of]) => of === name) ?? [];
  const items = [...rows, ...(otherwise === undefined ? [] : [`- ${otherwise}`])];
  return `### ${name}\n\n${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.\n\n${items.join('\n')}\n`;
}

function row({ rank, trigger, when, files, fields, holding, restrains }: CatalogueEntry): string {
  const names = files.map((pattern) => `\`${pattern}\``).join(', ');
  const notes = [
    ...(holding === undefined ? [] : ['where the text holds what is run']),
    ...(fields === undefined ? [] : ['by their fields']),
    ...(restrains === undefined ? [] : ['also when gone']),
  ];
  return `- **${rank}**, ${trigger}, ${when}: ${names}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`;
}
