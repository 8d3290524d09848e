// Links that lie in a directory of the host now, whether or not its git knows them: a link of a change that leads through one of them
// ends where that one leads, and not where the text of the project's own links says. Nothing is followed.
import { closeSync } from 'node:fs';
import { systemErrorCode } from '../platform/errors.ts';
import { bytePath, nameOf, parentOf, type BytePath } from './byte-path.ts';
import { isGone, openDirectory, readLinkAt, statAt, withDirectoryBelow } from './directory-handle.ts';
import { linkEnd, type LinkView } from './project-links.ts';

/** Whether a link at `path` leads out, into a `.git` or nowhere. */
export type LeadsOut = (path: BytePath, target: BytePath) => boolean;

/**
 * Judges links by `links`, those of the tree that is to come, and once more with what lies below `root` at this moment in their place:
 * what is to take a link of the host away may be left out, or not come.
 */
export function openLeadsOut(links: LinkView, root: string): LeadsOut {
  const found = new Map<BytePath, HostLink | undefined>();
  const onHost = (path: BytePath): HostLink | undefined => {
    if (!found.has(path)) found.set(path, readHostLink(root, path));
    return found.get(path);
  };
  const mixed: LinkView = {
    has: (path) => onHost(path) !== undefined || links.has(path),
    get: (path) => {
      const own = onHost(path);
      return own === undefined ? links.get(path) : own.target;
    },
  };
  return (path, target) => [links, mixed].some((view) => linkEnd(view, path, target) === undefined);
}

interface HostLink {
  /** Undefined: what is there cannot be read, so that nobody knows where it leads. */
  target: BytePath | undefined;
}

/** Undefined: there is no link. */
function readHostLink(root: string, path: BytePath): HostLink | undefined {
  let top: number | undefined;
  try {
    top = openDirectory(root);
    return withDirectoryBelow(top, parentOf(path), (parent) =>
      statAt(parent, nameOf(path))?.isSymbolicLink() === true
        ? { target: bytePath(readLinkAt(parent, nameOf(path))) }
        : undefined,
    );
  } catch (error) {
    if (isGone(error)) return undefined;
    if (systemErrorCode(error) === 'EACCES') return { target: undefined };
    throw error;
  } finally {
    if (top !== undefined) closeSync(top);
  }
}
