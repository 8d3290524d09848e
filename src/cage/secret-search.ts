// Looks for exact bytes wherever a cage could read them: the proof that a value is not there. Links are not followed, and
// what cannot be read is said, since it is not known to be without the value.
import { constants, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { lstat, open, readdir, type FileHandle } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { entryOf, openInner, openParent } from '../platform/open-below.ts';

export interface SearchResult {
  /** Paths, as they were reached. */
  found: string[];
  unread: string[];
  searched: number;
}

export interface SearchOptions {
  /** Paths at and below which nothing is looked at. */
  except?: readonly string[];
  /** What `/` is to whoever sees the files: links, also absolute ones, lead nowhere else. Default: the host's own. */
  root?: string;
}

/** Deeper trees are not searched, and said not to be: each level keeps a directory open. */
const MAX_DEPTH = 256;

/** All regular files at or below `place`, which begins with the root; the tree may change meanwhile. */
export async function searchFiles(
  place: string,
  value: string,
  { except = [], root = '/' }: SearchOptions = {},
): Promise<SearchResult> {
  const needle = Buffer.from(value);
  const result: SearchResult = { found: [], unread: [], searched: 0 };
  const look = async (directory: FileHandle, name: string, path: string): Promise<void> => {
    const there = await unlessGone(path, result, () => holds(entryOf(directory, name), needle));
    if (there !== undefined) result.searched += 1;
    if (there === true) result.found.push(path);
  };
  const enter = async (outer: FileHandle, outerName: string, path: string, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH) return void result.unread.push(path);
    const directory = await openInner(outer, outerName);
    try {
      for (const entry of await readdir(entryOf(directory, '.'), { withFileTypes: true })) {
        const inner = join(path, entry.name);
        if (except.includes(inner)) continue;
        if (entry.isDirectory()) await unlessGone(inner, result, () => enter(directory, entry.name, inner, depth + 1));
        else if (entry.isFile()) await look(directory, entry.name, inner);
      }
    } finally {
      await directory.close();
    }
  };
  await unlessGone(place, result, async () => {
    const { directory, name } = await openParent(root, relative(root, place));
    try {
      // What is bound into a cage may be a single file.
      const kind = await lstat(entryOf(directory, name));
      if (kind.isDirectory()) await enter(directory, name, place, 0);
      else if (kind.isFile()) await look(directory, name, place);
    } finally {
      await directory.close();
    }
  });
  return result;
}

/** Environments and arguments of all processes that share the process numbers of `init`. */
export function searchProcesses(init: number, value: string): SearchResult {
  const result: SearchResult = { found: [], unread: [], searched: 0 };
  const namespace = readlinkSync(`/proc/${init}/ns/pid`);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (namespaceOf(pid) !== namespace) continue;
    for (const kind of ['environ', 'cmdline']) {
      const path = `/proc/${pid}/${kind}`;
      try {
        if (readFileSync(path).includes(value)) result.found.push(path);
        result.searched += 1;
      } catch (error) {
        if (!isGone(error)) result.unread.push(path);
      }
    }
  }
  return result;
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // Ended meanwhile, or somebody else's: whoever runs a cage may look at its processes.
    return undefined;
  }
}

async function unlessGone<T>(path: string, result: SearchResult, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isGone(error)) result.unread.push(path);
    return undefined;
  }
}

/** The cage lives: what it takes away meanwhile is not in it. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');
}

/** What was a file a moment ago may be a pipe by now, to which nobody writes, or a link to a file of the host. */
async function holds(path: string, needle: Buffer): Promise<boolean> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is no file any more');
    let tail = Buffer.alloc(0);
    for await (const chunk of file.createReadStream({ autoClose: false })) {
      const window = Buffer.concat([tail, Buffer.from(chunk)]);
      if (window.includes(needle)) return true;
      tail = window.subarray(Math.max(0, window.length - needle.length + 1));
    }
    return false;
  } finally {
    await file.close();
  }
}
