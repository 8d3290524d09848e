// A change as rows of a table: the same in `diff`, in `apply` and at the end of a run.
import type { DiffFile, HostExecutableFile } from './library-change.ts';
import type { Span } from './span.ts';

const LETTERS: Readonly<Record<DiffFile['change'], Span>> = {
  added: ['green', 'A'],
  modified: ['yellow', 'M'],
  deleted: ['red', 'D'],
  renamed: ['cyan', 'R'],
  mode: ['yellow', 'X'],
};

/** One row a file: letter, path, lines, and whether it can run on the host, with why where that is known. */
export function changeRows(files: readonly DiffFile[], why: readonly HostExecutableFile[] = []): Span[][] {
  const reasons = new Map(why.map((file) => [file.path, reasonText(file)]));
  return files.map((file) => [
    LETTERS[file.change],
    file.from === undefined ? file.path : `${file.from} → ${file.path}`,
    file.submodule !== undefined
      ? moveText(file.submodule)
      : file.binary
        ? 'binary'
        : `+${file.insertions} −${file.deletions}`,
    ...(file.hostExecutable ? [mark(reasons.get(file.path))] : []),
  ]);
}

/** `submodule 1a2b3c4 → 5d6e7f8` */
function moveText({ from, to }: NonNullable<DiffFile['submodule']>): string {
  const [before, after] = [from, to].map((oid) => oid?.slice(0, 7) ?? 'none');
  return `submodule ${before} → ${after}`;
}

/** One row a file that can run on the host: what triggers it, and when. */
export function hostExecutableRows(files: readonly HostExecutableFile[]): Span[][] {
  return files.map((file) => [['red', '!'], file.path, reasonText(file)]);
}

/** `3 files (1 added, 2 modified), +10 −2` */
export function changeTotals(files: readonly DiffFile[]): string {
  const kinds = new Map<DiffFile['change'], number>();
  let insertions = 0;
  let deletions = 0;
  for (const file of files) {
    kinds.set(file.change, (kinds.get(file.change) ?? 0) + 1);
    insertions += file.insertions;
    deletions += file.deletions;
  }
  const parts = [...kinds].map(([kind, count]) => `${count} ${kind === 'mode' ? 'with a new mode' : kind}`);
  return `${count(files.length, 'file')} (${parts.join(', ')}), +${insertions} −${deletions}`;
}

/** `1 file`, `2 files` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function mark(reason: string | undefined): Span {
  return ['red', `! can run on the host${reason === undefined ? '' : `: ${reason}`}`];
}

function reasonText(file: HostExecutableFile): string {
  return file.reasons.map((reason) => `${reason.class}: ${reason.trigger}, ${reason.when}`).join('; ');
}
