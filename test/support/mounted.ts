// A mounted project as a user has it: under git, and of an ordinary user's, whoever runs the tests.
import { chownSync, lchownSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { userGit } from './repositories.ts';

/** Nobody on any machine of ours. */
const SOMEBODY = 61_234;

/** Puts what is in `root` under git, with a password in the address of its remote. */
export function underGit(root: string): void {
  userGit(root, 'init', '--quiet');
  userGit(root, 'remote', 'add', 'origin', 'https://ada:hunter2@git.example/shop.git');
  userGit(root, 'add', '--all');
  userGit(root, 'commit', '--quiet', '-m', 'first');
}

/** Gives a directory with all that is in it to an ordinary user, where the tests run as root. */
export function giveAway(root: string): void {
  if (process.getuid?.() !== 0) return;
  chownSync(root, SOMEBODY, SOMEBODY);
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const path = join(root, entry.name);
    if (entry.isDirectory()) giveAway(path);
    else lchownSync(path, SOMEBODY, SOMEBODY);
  }
}

export function ownerOf(path: string): [uid: number, gid: number] {
  const { uid, gid } = statSync(path);
  return [uid, gid];
}
