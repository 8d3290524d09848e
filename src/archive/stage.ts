// Where an archive is unpacked: below one directory and nowhere else. Entries come depth first, each directly into a directory that is open
// and that this very archive has just made; nothing is ever opened by a path of more than one name, no link is followed, and what is there
// already, also under a name that the file system takes for the same, is not written over.
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  lutimesSync,
  mkdirSync,
  openSync,
} from 'node:fs';
import { symlinkSync, writeSync } from 'node:fs';
import { systemErrorCode } from '../platform/errors.ts';
import type { Owner } from '../platform/beneath.ts';
import { pathBytes } from '../workspace/byte-path.ts';
import { entryPath, openDirectory, openDirectoryAt, type DirectoryHandle } from '../workspace/directory-handle.ts';
import { decodeBytes, type NameBytes } from './entry-name.ts';
import type { ArchiveEntry } from './entry.ts';
import { refused } from './refusal.ts';

export interface Stage {
  /** `contents`: of a file, exactly as long as it says. */
  put(entry: ArchiveEntry, names: NameBytes, contents: AsyncIterable<Buffer>): Promise<void>;
  /** All directories get their permissions. To be called also after a failure. */
  close(): void;
}

interface OpenDirectory {
  name: string;
  handle: DirectoryHandle;
  mode: number;
  mtime: number;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** `root`: an existing empty directory. `ownerOf`: whose an entry is to be; absent: the caller's. */
export function openStage(root: string, ownerOf: (names: NameBytes) => Owner | undefined): Stage {
  const open: OpenDirectory[] = [];
  const rootHandle = openDirectory(root);
  const leave = (): void => {
    const left = open.pop();
    if (left === undefined) return;
    try {
      fchmodSync(left.handle, left.mode);
      futimesSync(left.handle, left.mtime, left.mtime);
    } finally {
      closeSync(left.handle);
    }
  };
  /** Leaves what is done; the directory that is open then has to be the entry's own. */
  const enterParent = (path: string, names: NameBytes): DirectoryHandle => {
    while (open.length >= names.length || open.some(({ name }, depth) => name !== names[depth])) {
      if (open.length === 0) break;
      leave();
    }
    if (open.length !== names.length - 1) throw refused('the directory that it belongs to is not there', path);
    return open.at(-1)?.handle ?? rootHandle;
  };
  return {
    async put(entry, names, contents) {
      const parent = enterParent(entry.path, names);
      const name = names.at(-1) ?? '';
      const owner = ownerOf(names);
      try {
        await make(entry, { parent, name, owner }, contents, open);
      } catch (error) {
        if (systemErrorCode(error) === 'EEXIST') throw refused('it is there twice', entry.path);
        if (['ENAMETOOLONG', 'EILSEQ', 'EINVAL'].includes(systemErrorCode(error) ?? ''))
          throw refused('this file system cannot hold its name', entry.path);
        throw error;
      }
    },
    close() {
      try {
        while (open.length > 0) leave();
      } finally {
        closeSync(rootHandle);
      }
    },
  };
}

interface Place {
  parent: DirectoryHandle;
  name: string;
  owner: Owner | undefined;
}

async function make(
  { kind, mode, mtime, path, target }: ArchiveEntry,
  { parent, name, owner }: Place,
  contents: AsyncIterable<Buffer>,
  open: OpenDirectory[],
): Promise<void> {
  const place = entryPath(parent, name);
  switch (kind) {
    case 'directory': {
      mkdirSync(place, 0o700);
      const handle = openDirectoryAt(parent, name);
      if (owner !== undefined) fchownSync(handle, owner.uid, owner.gid);
      open.push({ name, handle, mode, mtime });
      return;
    }
    case 'file': {
      const file = openSync(place, CREATE, 0o600);
      try {
        for await (const bytes of contents) for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
        if (owner !== undefined) fchownSync(file, owner.uid, owner.gid);
        fchmodSync(file, mode);
        futimesSync(file, mtime, mtime);
      } finally {
        closeSync(file);
      }
      return;
    }
    case 'link': {
      const leads = decodeBytes(target);
      if (leads === undefined || leads.includes('\0') || leads.length > 4095)
        throw refused('its target cannot be one', path);
      symlinkSync(pathBytes(leads), place);
      if (owner !== undefined) lchownSync(place, owner.uid, owner.gid);
      lutimesSync(place, mtime, mtime);
      return;
    }
    default:
      throw new Error(`no such kind: ${String(kind satisfies never)}`);
  }
}
