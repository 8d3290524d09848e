// Commits as bytes: read in one process for any number of them, and written anew with another tree and parent while author and message
// stay as they were. Nothing of a cage's is turned into text and back.
import { IronError } from '../platform/errors.ts';
import type { BaseStore } from './base-store.ts';
import { git } from './git.ts';
import { storeObject } from './loose-object.ts';

/** One character per byte. */
export interface StoredCommit {
  oid: string;
  tree: string;
  /** `NAME <EMAIL> TIME ZONE` */
  author: string;
  encoding: string | undefined;
  message: string;
}

/**
 * Of these, what is ASCII as bytes is the same as text. From any other (ISO-2022, UTF-7, UTF-16, EBCDIC) git could make lines, also of a
 * header, that are not in the bytes that were looked at.
 */
const PLAIN_ENCODING =
  /^(?:utf-?8|(?:us-)?ascii|iso[-_]?8859-?\d{1,2}|latin-?\d|(?:windows-?|cp)125\d|koi8-[ru]|shift[-_]?jis|sjis|euc-?(?:jp|kr|cn|tw)|gbk|gb2312|gb18030|big5)$/i;

/** Of all commits together: ten thousand long messages are less. */
const MAX_BYTES = 64 * 1024 * 1024;
const COMMITTER = 'ironcage <ironcage@localhost> 946684800 +0000';

/** In the order given. */
export async function readCommits(store: BaseStore, oids: readonly string[]): Promise<StoredCommit[]> {
  if (oids.length === 0) return [];
  const input = `${oids.join('\n')}\n`;
  const told = await git(['cat-file', '--batch-check=%(objectsize)'], { gitDir: store.gitDir, input });
  const bytes = told.stdout.toString('latin1').split('\n').reduce((sum, size) => sum + Number(size), 0); // prettier-ignore
  if (!(bytes <= MAX_BYTES)) throw tooLarge();
  const { stdout } = await git(['cat-file', '--batch'], { gitDir: store.gitDir, input });
  const commits: StoredCommit[] = [];
  for (let at = 0; at < stdout.length;) {
    const lineEnd = stdout.indexOf(0x0a, at);
    const [oid = '', type, size] = stdout.toString('latin1', at, lineEnd).split(' ');
    const end = lineEnd + 1 + Number(size);
    if (type !== 'commit') throw unreadable(oid);
    commits.push(parseCommit(oid, stdout.toString('latin1', lineEnd + 1, end)));
    at = end + 1;
  }
  return commits;
}

function parseCommit(oid: string, text: string): StoredCommit {
  const blank = text.indexOf('\n\n');
  const head = blank < 0 ? text : text.slice(0, blank);
  const field = (name: string): string | undefined => new RegExp(`^${name} (.*)$`, 'm').exec(head)?.[1];
  const [tree, author] = [field('tree'), field('author')];
  if (tree === undefined || author === undefined) throw unreadable(oid);
  return { oid, tree, author, encoding: field('encoding'), message: blank < 0 ? '' : text.slice(blank + 2) };
}

/** Stores a commit of ours that says who wrote what; the same input gives the same commit. An encoding that is not plain is not said. */
export function storeCommit(
  store: BaseStore,
  { tree, parent, author, encoding, message }: Omit<StoredCommit, 'oid'> & { parent: string },
): string {
  const lines = [
    `tree ${tree}`,
    `parent ${parent}`,
    `author ${author}`,
    `committer ${COMMITTER}`,
    ...(encoding === undefined || !PLAIN_ENCODING.test(encoding) ? [] : [`encoding ${encoding}`]),
  ];
  return storeObject(store, 'commit', Buffer.from(`${lines.join('\n')}\n\n${message}`, 'latin1'));
}

/** Stores a commit of ours without parents; the same tree and message give the same commit. */
export function storeRoot(store: BaseStore, tree: string, message: string): string {
  const lines = [`tree ${tree}`, `author ${COMMITTER}`, `committer ${COMMITTER}`];
  return storeObject(store, 'commit', Buffer.from(`${lines.join('\n')}\n\n${message}\n`));
}

function tooLarge(): IronError {
  return new IronError('E_WORKSPACE', {
    message: `the messages of the cage’s commits have more than ${MAX_BYTES / 1024 / 1024} MiB`,
    hint: 'look with `git log` in the cage; ironcage apply and ironcage export bring its files without them',
  });
}

function unreadable(oid: string): IronError {
  return new IronError('E_WORKSPACE', {
    message: `the commit ${oid} of the cage cannot be read`,
    hint: 'look with `git log` in the cage; work in its files is not touched by this',
  });
}
