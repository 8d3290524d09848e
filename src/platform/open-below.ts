// Finds a path as a process with another root would, where somebody hostile changes the tree meanwhile: every component is
// opened from the directory before it, and a link is read and begun anew at that root, never followed by the kernel.
import { constants } from 'node:fs';
import { lstat, open, readlink, type FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';

/** Opens a directory that is one, and nothing that a link leads to. */
const REAL_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** As many as the kernel follows. */
const MAX_LINKS = 40;

/** The path of an entry of an open directory, wherever that directory has been moved to. */
export function entryOf(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

/** Opens an entry of an open directory that is a directory itself. */
export function openInner(directory: FileHandle, name: string): Promise<FileHandle> {
  return open(entryOf(directory, name), REAL_DIRECTORY);
}

/**
 * The open directory that holds the last component of `path` below `root`, and that component's name; `.` for the root
 * itself. The caller closes the directory. Throws as the kernel does for what is not there or leads in circles.
 */
export async function openParent(root: string, path: string): Promise<{ directory: FileHandle; name: string }> {
  let directory = await openRoot(root);
  try {
    const done: string[] = [];
    let rest = componentsOf(path);
    for (let links = 0; ;) {
      const [name, ...others] = rest;
      if (name === undefined) return { directory, name: '.' };
      const entry = entryOf(directory, name);
      if ((await lstat(entry)).isSymbolicLink()) {
        links += 1;
        if (links > MAX_LINKS) throw Object.assign(new Error(`too many links in ${path}`), { code: 'ELOOP' });
        rest = componentsOf(posix.resolve('/', ...done.splice(0), await readlink(entry), ...others));
        await directory.close();
        directory = await openRoot(root);
        continue;
      }
      if (others.length === 0) return { directory, name };
      const inner = await openInner(directory, name);
      await directory.close();
      directory = inner;
      done.push(name);
      rest = others;
    }
  } catch (error) {
    await directory.close();
    throw error;
  }
}

/** The root may be named by a link, as that of another process is. */
function openRoot(root: string): Promise<FileHandle> {
  return open(root, constants.O_RDONLY | constants.O_DIRECTORY);
}

function componentsOf(path: string): string[] {
  return posix
    .resolve('/', path)
    .split('/')
    .filter((name) => name !== '');
}
