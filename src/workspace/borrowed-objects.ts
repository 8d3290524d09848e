// Where else a repository reads objects: what `objects/info/alternates` says, read without git.
import { realpathSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { pathExists, readTextIfPresent } from '../platform/files.ts';

/** Object directories that `objectsDir` reads through objects/info/alternates, transitively. */
export function borrowedObjectDirs(objectsDir: string): string[] {
  const found = new Set<string>();
  const visit = (directory: string, depth: number): void => {
    if (depth > 5) return;
    for (const line of (readTextIfPresent(join(directory, 'info', 'alternates')) ?? '').split('\n')) {
      if (line === '' || line.startsWith('#') || line.startsWith('"')) continue;
      const path = isAbsolute(line) ? line : resolve(directory, line);
      if (!pathExists(path)) continue;
      const real = realpathSync(path);
      if (found.has(real)) continue;
      found.add(real);
      visit(real, depth + 1);
    }
  };
  visit(objectsDir, 0);
  return [...found];
}
