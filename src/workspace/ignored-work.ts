// Files that an agent made where git ignores them: no change has them, no apply brings them. Named before a cage is removed; what other
// people wrote or a build makes again is passed over. Reads names and times only, and has a bound.
import { closeSync } from 'node:fs';
import { systemErrorCode } from '../platform/errors.ts';
import { nameOf, parentOf, toText, type BytePath } from './byte-path.ts';
import { recordCageTree } from './cage-tree.ts';
import { isGone, listNames, openDirectory, statAt, withDirectoryBelow } from './directory-handle.ts';
import { isGeneratedDirectory } from './generated-directories.ts';
import { openTakenIn } from './taken-in.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

const MAX_ENTRIES = 50_000;
const MAX_DEPTH = 40;

/** Texts: files, and directories with such files in them, which end with a slash. */
export async function ignoredWork(workspace: PreparedWorkspace): Promise<string[]> {
  const { strategy, directories, storeDirectory } = workspace;
  // What a cage writes into a mounted project is there already.
  if (strategy === 'mount') return [];
  const { ignored } = await recordCageTree(workspace);
  const isTakenIn = strategy === 'copy' ? openTakenIn(workspaceDirectory(storeDirectory)) : () => false;
  const top = openDirectory(strategy === 'copy' ? directories.tree : directories.upper);
  let left = MAX_ENTRIES;
  const holdsWork = (directory: BytePath, depth: number): boolean => {
    if (depth > MAX_DEPTH || isGeneratedDirectory(nameOf(directory))) return false;
    const below: BytePath[] = [];
    const found = withDirectoryBelow(top, directory, (handle) =>
      listNames(handle).some((name) => {
        if (left-- <= 0) return false;
        const [stat, path] = [statAt(handle, name), `${directory}/${name}`];
        if (stat?.isDirectory() === true) below.push(path);
        return stat !== undefined && (stat.isFile() || stat.isSymbolicLink()) && !isTakenIn(path, stat);
      }),
    );
    return found || below.some((path) => left > 0 && holdsWork(path, depth + 1));
  };
  const isWork = (path: BytePath): boolean => {
    if (parentOf(path).split('/').some(isGeneratedDirectory)) return false;
    try {
      return !path.endsWith('/') || holdsWork(path.slice(0, -1), 0);
    } catch (error) {
      if (isGone(error)) return false;
      // What cannot be looked into may hold some.
      if (systemErrorCode(error) === 'EACCES') return true;
      throw error;
    }
  };
  try {
    return ignored.filter(isWork).map(toText);
  } finally {
    closeSync(top);
  }
}
