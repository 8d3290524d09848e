// What names do together: two that are one file on a lenient file system, names that mean something else elsewhere, and directories
// that git takes for repositories.
import type { Tree } from './base-store.ts';
import { toText, type BytePath } from './byte-path.ts';
import type { Finding } from './finding.ts';
import { foldName } from './fold-name.ts';
import type { TreeDifference } from './tree-diff.ts';
import { directoriesAbove, type TouchedTrees } from './touched-trees.ts';

/** What a name can do wrong; nothing of it is in a line of the file. */
export type NameFinding = Omit<Finding, 'lines' | 'moreLines'>;

/** Findings by byte path, for files that are there after the change. */
export function suspectNames(trees: TouchedTrees, files: readonly TreeDifference[]): Map<BytePath, NameFinding[]> {
  const present = files.filter((file) => file.after !== undefined);
  const collisions = collisionsOf(trees, present.filter(isNew));
  const repositories = new Set([...trees].flatMap(([path, tree]) => (isRepository(tree) ? [path] : [])));
  const found = new Map<BytePath, NameFinding[]>();
  for (const file of present) {
    const { path } = file.bytes;
    const findings = [
      ...(isNew(file) ? [...collidesWith(path, collisions), ...oddName(path)] : []),
      ...inRepository(path, repositories),
    ];
    if (findings.length > 0) found.set(path, findings);
  }
  return found;
}

function isNew(file: TreeDifference): boolean {
  return file.before === undefined || file.bytes.from !== undefined;
}

/** By directory above a new file: the names that are equal when folded. */
function collisionsOf(trees: TouchedTrees, added: readonly TreeDifference[]): Map<BytePath, Map<BytePath, BytePath[]>> {
  const collisions = new Map<BytePath, Map<BytePath, BytePath[]>>();
  for (const path of new Set(added.flatMap(({ bytes }) => directoriesAbove(bytes.path)))) {
    const tree = trees.get(path) ?? new Map();
    const folded = new Map<string, BytePath[]>();
    for (const name of tree.keys()) {
      const key = foldName(toText(name));
      const same = folded.get(key);
      if (same === undefined) folded.set(key, [name]);
      else same.push(name);
    }
    const several = [...folded.values()].filter((names) => names.length > 1);
    if (several.length > 0) {
      collisions.set(path, new Map(several.flatMap((names) => names.map((name) => [name, names] as const))));
    }
  }
  return collisions;
}

function collidesWith(
  path: BytePath,
  collisions: ReadonlyMap<BytePath, ReadonlyMap<BytePath, readonly BytePath[]>>,
): NameFinding[] {
  if (collisions.size === 0) return [];
  const parts = path.split('/');
  const others = parts.flatMap((name, depth) => {
    const above = parts.slice(0, depth).join('/');
    const same = collisions.get(above)?.get(name) ?? [];
    return same.filter((other) => other !== name).map((other) => (above === '' ? other : `${above}/${other}`));
  });
  if (others.length === 0) return [];
  return [
    {
      class: 'name-collision',
      rank: 'high',
      trigger: 'macOS, Windows and every file system without case',
      when: 'on checkout there: one of the files takes the place of the other, or is written through it',
      details: others.slice(0, 5).map((other) => JSON.stringify(toText(other))),
    },
  ];
}

const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;
const SHORT_NAME = /^[^.]{1,8}~[0-9]+(?:\.[^.]{0,3})?$/;

function oddName(path: BytePath): NameFinding[] {
  const details = [...new Set(toText(path).split('/').flatMap(oddities))];
  if (details.length === 0) return [];
  return [
    {
      class: 'odd-name',
      rank: 'medium',
      trigger: 'another system than this one',
      when: 'on checkout there: the name is that of something else',
      details,
    },
  ];
}

function oddities(name: string): string[] {
  return [
    ...(DEVICE.test(name) ? ['a device of Windows'] : []),
    ...(SHORT_NAME.test(name) ? ['a short name of Windows, which may be that of another file'] : []),
    ...(/[. ]$/.test(name) ? ['Windows drops the dot or space at the end'] : []),
    ...(/[:\\]/.test(name) ? ['a stream or path separator of Windows'] : []),
    ...(name.startsWith('-') ? ['programs take it for an option'] : []),
    ...(name.includes('\ufffd') ? ['the bytes are no UTF-8'] : []),
  ];
}

/** Whether git, started in this directory, would take it for a repository and obey its settings. */
function isRepository(tree: Tree): boolean {
  if (tree.size < 2) return false;
  const names = new Set([...tree.keys()].map((name) => foldName(toText(name))));
  return names.has('head') && (names.has('commondir') || (names.has('objects') && names.has('refs')));
}

function inRepository(path: BytePath, repositories: ReadonlySet<BytePath>): NameFinding[] {
  if (repositories.size === 0 || !directoriesAbove(path).some((above) => repositories.has(above))) return [];
  return [
    {
      class: 'embedded-repository',
      rank: 'critical',
      trigger: 'git, also as a shell prompt or an editor calls it',
      when: 'on any git command in that directory: its config names programs',
      details: [],
    },
  ];
}
