// One thing in an archive, and the line about it in the list at the archive's end: whoever reads makes the same lines from what arrived,
// so that anything missing, added, changed or moved is a difference of bytes.

export interface ArchiveEntry {
  /** As in the archive; see entry-name.ts. */
  path: string;
  kind: 'file' | 'directory' | 'link';
  /** Permissions: nine bits. */
  mode: number;
  /** Bytes of a file, else 0. */
  size: number;
  /** Whole seconds since the epoch. */
  mtime: number;
  /** Of a link: encoded as names are. */
  target: string;
}

/** `sha256`: of a file's contents. */
export function entryLine({ path, kind, mode, size, mtime, target }: ArchiveEntry, sha256: string): string {
  const own = kind === 'file' ? { size, sha256 } : kind === 'link' ? { target } : {};
  return `${JSON.stringify({ path, kind, mode: mode.toString(8), mtime, ...own })}\n`;
}
