// Which new files of a cage count as ignored: the rules of the directories above a path, then the user's own, with git's order
// of precedence. A link in place of a .gitignore is not followed, as git has it.
import { closeSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { nameOf, type BytePath } from './byte-path.ts';
import { isGone, openFileAt, type DirectoryHandle } from './directory-handle.ts';
import { parseIgnoreFile, type IgnorePattern } from './ignore-pattern.ts';
import { userConfigFile, type GitSettings } from './git.ts';
import type { Project } from './project.ts';

export interface IgnoreRules {
  /** Directory the patterns are relative to; '' is the project. */
  directory: BytePath;
  patterns: readonly IgnorePattern[];
  /** Rules of lower precedence. */
  outer: IgnoreRules | undefined;
}

const MAX_IGNORE_BYTES = 1024 * 1024;

/** Whether the rules ignore `path`, given that none of the directories above it is ignored. */
export function isIgnored(rules: IgnoreRules | undefined, path: BytePath, isDirectory: boolean): boolean {
  const name = nameOf(path);
  for (let level = rules; level !== undefined; level = level.outer) {
    const below = level.directory === '' ? path : path.slice(level.directory.length + 1);
    for (let index = level.patterns.length - 1; index >= 0; index--) {
      const pattern = level.patterns[index];
      if (pattern === undefined || (pattern.directoryOnly && !isDirectory)) continue;
      if (pattern.matches(pattern.anchored ? below : name)) return !pattern.negated;
    }
  }
  return false;
}

/** The patterns of the .gitignore in an open directory; none where there is no such regular file. */
export function readIgnoreFile(directory: DirectoryHandle): readonly IgnorePattern[] {
  let file: ReturnType<typeof openFileAt>;
  try {
    file = openFileAt(directory, '.gitignore');
  } catch (error) {
    if (isGone(error) || ['E_WORKSPACE', 'EACCES', 'ENXIO'].includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  }
  try {
    // An absurdly long file is read as far as the bound: rules that are passed over show files, they hide none.
    const bytes = Buffer.alloc(Math.min(Number(file.stat.size), MAX_IGNORE_BYTES));
    return parseIgnoreFile(bytes.toString('latin1', 0, readSync(file.fd, bytes, 0, bytes.length, 0)));
  } finally {
    closeSync(file.fd);
  }
}

/** The user's own rules for the project: `info/exclude`, then core.excludesFile, which yields to it. */
export function hostIgnoreRules(project: Project, settings: GitSettings): IgnoreRules | undefined {
  const user = userConfigFile(settings, 'core.excludesfile');
  const exclude = project.git === undefined ? undefined : join(project.git.commonDir, 'info', 'exclude');
  let rules: IgnoreRules | undefined;
  for (const file of [user, exclude]) {
    const text = file === undefined ? undefined : readBytesIfPresent(file);
    if (text !== undefined) rules = { directory: '', patterns: parseIgnoreFile(text), outer: rules };
  }
  return rules;
}

function readBytesIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}
