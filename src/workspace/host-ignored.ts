// What the project's own git ignores, as its ignore files stand on the host now: which new files of a cage have no place there,
// whatever the cage's ignore files have come to say.
import { closeSync } from 'node:fs';
import { nameOf, parentOf, type BytePath } from './byte-path.ts';
import { isGone, openDirectory, withDirectoryBelow } from './directory-handle.ts';
import { hostIgnoreRules, isIgnored, readIgnoreFile, type IgnoreRules } from './ignore-rules.ts';
import type { GitSettings } from './git.ts';
import type { Project } from './project.ts';

/** Of these files, not tracked on the host, those that git ignores there. */
export function ignoredOnHost(project: Project, settings: GitSettings, paths: readonly BytePath[]): Set<BytePath> {
  if (paths.length === 0) return new Set();
  const outer = hostIgnoreRules(project, settings);
  const root = openDirectory(project.root);
  const rulesOf = new Map<BytePath, IgnoreRules | 'ignored'>();
  const rulesIn = (directory: BytePath): IgnoreRules | 'ignored' => {
    const known = rulesOf.get(directory);
    if (known !== undefined) return known;
    const above = directory === '' ? outer : rulesIn(parentOf(directory));
    const isBelowIgnored = above === 'ignored' || (directory !== '' && isIgnored(above, directory, true));
    const found: IgnoreRules | 'ignored' =
      above === 'ignored' || isBelowIgnored
        ? 'ignored'
        : { directory, patterns: patternsIn(root, directory), outer: above };
    rulesOf.set(directory, found);
    return found;
  };
  try {
    return new Set(
      paths.filter((path) => {
        const rules = rulesIn(parentOf(path));
        return rules === 'ignored' || isIgnored(rules, path, false);
      }),
    );
  } finally {
    closeSync(root);
  }
}

function patternsIn(root: number, directory: BytePath): IgnoreRules['patterns'] {
  try {
    return withDirectoryBelow(root, directory, readIgnoreFile);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Whether rules of one file, at the top, name this path or a directory above it. */
export function isNamed(rules: IgnoreRules, path: BytePath): boolean {
  for (let directory = parentOf(path); directory !== ''; directory = parentOf(directory)) {
    if (isIgnored(rules, directory, true)) return true;
  }
  return nameOf(path) !== '' && isIgnored(rules, path, false);
}
