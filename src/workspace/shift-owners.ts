// Gives the files of one host user to another, as a copy of a cage of root’s needs it: each such cage runs as users of its own. Nobody is in
// that copy yet; no link is followed.
import { lchownSync, lstatSync, readdirSync } from 'node:fs';
import { bytePath, below, type BytePath } from './byte-path.ts';

/** `count` numbers from `from` on become as many from `to` on, users and groups alike. */
export interface OwnerShift {
  from: number;
  to: number;
  count: number;
}

export function shiftOwners(root: string, shift: OwnerShift): void {
  const visit = (path: BytePath): void => {
    const entry = below(root, path);
    const stat = lstatSync(entry);
    const [uid, gid] = [stat.uid, stat.gid].map((id) => shifted(id, shift));
    if (uid !== undefined && gid !== undefined && (uid !== stat.uid || gid !== stat.gid)) lchownSync(entry, uid, gid);
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(entry, { encoding: 'buffer' })) {
      visit(path === '' ? bytePath(name) : `${path}/${bytePath(name)}`);
    }
  };
  visit('');
}

function shifted(id: number, { from, to, count }: OwnerShift): number {
  return id >= from && id < from + count ? id - from + to : id;
}
