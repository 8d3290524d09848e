// The object store that the base and every change live in: a bare repository of our own, so that the project's is never
// written. It borrows the project's objects through alternates and carries no setting that could run anything.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../platform/files.ts';
import type { BytePath } from './byte-path.ts';
import type { ObjectFormat } from './project.ts';
import { git, gitLine, type GitCall } from './git.ts';

export interface BaseStore {
  gitDir: string;
  objectFormat: ObjectFormat;
  /** A git that reads it, while somebody keeps one open. */
  reading?: ObjectReading;
}

interface StoredObject {
  oid: string;
  type: string;
  /** Part of a larger buffer. */
  contents: Buffer;
}

type EntryMode = '100644' | '100755' | '120000' | '40000' | '160000';

export interface TreeEntry {
  mode: EntryMode;
  oid: string;
}

/** One directory. */
export type Tree = ReadonlyMap<BytePath, TreeEntry>;

export interface ObjectReading {
  /** Those that were read or written so far, by name: several look at the same ones. */
  trees: Map<string, Tree>;
  /** In the order asked for; what is gone is undefined. */
  contents(oids: readonly string[]): Promise<(StoredObject | undefined)[]>;
  /** Type and bytes, in the order asked for; what is gone is undefined. */
  sizes(oids: readonly string[]): Promise<({ type: string; size: number } | undefined)[]>;
  close(): void;
}

/** Bytes are stored as they lie on disk: no line-end, filter, ident or encoding conversion, no merge or diff drivers. */
const RAW_ATTRIBUTES = '* -text -eol -crlf -filter -ident -working-tree-encoding !merge !diff !export-subst\n';

export const EMPTY_BLOB: Readonly<Record<ObjectFormat, string>> = {
  sha1: 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
  sha256: '473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813',
};

export const EMPTY_TREE: Readonly<Record<ObjectFormat, string>> = {
  sha1: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  sha256: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
};

export function zeroOid(format: ObjectFormat): string {
  return '0'.repeat(format === 'sha1' ? 40 : 64);
}

/** Creates the store at `gitDir`, which must not exist. Written by hand: it is five small files, and saves a process. */
export function createBaseStore(gitDir: string, objectFormat: ObjectFormat): BaseStore {
  for (const directory of ['objects/info', 'objects/pack', 'refs/heads', 'info']) {
    mkdirSync(join(gitDir, directory), { recursive: true, mode: 0o700 });
  }
  const version = objectFormat === 'sha256' ? 1 : 0;
  const extension = objectFormat === 'sha256' ? '[extensions]\n\tobjectFormat = sha256\n' : '';
  writeFileSync(
    join(gitDir, 'config'),
    `[core]\n\trepositoryFormatVersion = ${version}\n\tbare = true\n\tlogAllRefUpdates = false\n${extension}`,
  );
  writeFileSync(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n');
  writeFileSync(join(gitDir, 'info', 'attributes'), RAW_ATTRIBUTES);
  writeFileSync(join(gitDir, 'info', 'exclude'), '');
  return { gitDir, objectFormat };
}

/** Lets the store read the objects of `objectsDir` without copying them. */
export function borrowObjects(store: BaseStore, objectsDir: string): void {
  const file = join(store.gitDir, 'objects', 'info', 'alternates');
  const line = quoteAlternate(objectsDir);
  const present = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  if (present.includes(line)) return;
  // Whole at any time: another git may be reading it.
  writeFileAtomic(file, [...present.filter((entry) => entry !== ''), line, ''].join('\n'), { synced: false });
}

/** One line of objects/info/alternates; git reads C-style quotes there, which names with a line break need. */
export function quoteAlternate(path: string): string {
  if (!/^["#]|[\n\\]/.test(path)) return path;
  return `"${path.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

export interface Identity {
  name: string;
  email: string;
}

const OWN_IDENTITY: Identity = { name: 'ironcage', email: 'ironcage@localhost' };

/** Stores a commit of `tree`. Without a time the commit is the same for the same tree and parents. */
export async function commitTree(
  call: GitCall,
  commit: { tree: string; parents: readonly string[]; message: string; identity?: Identity; time?: string },
): Promise<string> {
  const identity = commit.identity ?? OWN_IDENTITY;
  const time = commit.time ?? '@946684800 +0000';
  return gitLine(['commit-tree', commit.tree, ...commit.parents.flatMap((parent) => ['-p', parent])], {
    ...call,
    input: `${commit.message}\n`,
    extraEnv: {
      GIT_AUTHOR_NAME: identity.name,
      GIT_AUTHOR_EMAIL: identity.email,
      GIT_AUTHOR_DATE: time,
      GIT_COMMITTER_NAME: identity.name,
      GIT_COMMITTER_EMAIL: identity.email,
      GIT_COMMITTER_DATE: time,
    },
  });
}

/** Gives a commit a name in a store that is being made, which nobody else knows yet: a file, where git would take a process. */
export function nameCommit(store: BaseStore, ref: string, commit: string): void {
  const file = join(store.gitDir, ref);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${commit}\n`);
}

/** Points a ref of the store at a commit, so that no clean-up can take it. */
export async function keepCommit(store: BaseStore, ref: string, commit: string): Promise<void> {
  await git(['update-ref', ref, commit], { gitDir: store.gitDir });
}
