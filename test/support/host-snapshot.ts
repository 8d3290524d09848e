// What a directory of the host holds, byte for byte: two snapshots that are equal mean that nothing there was touched.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';

const OBJECT = /\/\.git\/(?:.+\/)?objects\//;

/** Path to type, mode, size, change time and contents of everything below `root`, less its entry `except`. */
export function snapshotOf(root: string, except?: string): Record<string, string> {
  const snapshot: Record<string, string> = {};
  const walk = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (relative(root, path) === except) continue;
      const { mode, size, mtimeMs, ctimeMs, uid, nlink } = lstatSync(path);
      // A base gives git's objects second names, which shows in these two.
      const linked = OBJECT.test(path) && entry.isFile() ? [] : [nlink, ctimeMs];
      const facts = [mode.toString(8), uid, size, mtimeMs, ...linked, contentsOf(path)];
      snapshot[relative(root, path)] = facts.join(' ');
      if (entry.isDirectory()) walk(path);
    }
  };
  walk(root);
  return snapshot;
}

function contentsOf(path: string): string {
  const entry = lstatSync(path);
  if (entry.isSymbolicLink()) return readlinkSync(path);
  return entry.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
}
