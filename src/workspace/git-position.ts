// Where a repository stands: HEAD, branches, tags, stashes, and which index. Read without git, with no link followed, because the
// one that is read may belong to a cage; both sides are read by the same code, so that they compare.
import { createHash } from 'node:crypto';
import { closeSync, readFileSync } from 'node:fs';
import { IronError } from '../platform/errors.ts';
import { fromText, toText, type BytePath } from './byte-path.ts';
import { isGone, listNames, openDirectory, openFileAt, statAt, withDirectoryBelow } from './directory-handle.ts';

export interface GitPosition {
  /** A branch (`refs/heads/main`) or a commit. */
  head: string;
  /** Full names; each stash besides the newest as `refs/stashed/<oid>`. */
  refs: ReadonlyMap<string, string>;
  /** SHA-256 of the index file; undefined where there is none. */
  index: string | undefined;
}

const MAX_SMALL_BYTES = 4096;
const MAX_LIST_BYTES = 64 * 2 ** 20;
const MAX_INDEX_BYTES = 2 ** 30;
const MAX_DEPTH = 40;
const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const COUNTED = /^refs\/(?:heads|tags)\//;

/** `gitDir` has HEAD and the index, `commonDir` the refs. Throws E_WORKSPACE for what is no repository of files. */
export function readGitPosition(gitDir: string, commonDir = gitDir): GitPosition {
  const own = readHead(gitDir);
  const refs = readRefs(commonDir);
  const index = readBelow(gitDir, 'index', MAX_INDEX_BYTES);
  return { head: own, refs, index: index && createHash('sha256').update(index).digest('hex') };
}

/** Branches, tags and stashes by their full names, with their commits. */
export function readRefs(commonDir: string): Map<string, string> {
  return new Map([...packedRefs(commonDir), ...looseRefs(commonDir), ...stashes(commonDir)]);
}

/** Undefined for a commit. */
export function branchOf({ head }: Pick<GitPosition, 'head'>): string | undefined {
  return head.startsWith('refs/') ? head : undefined;
}

/** The commit that HEAD stands for; undefined before the first one. */
export function tipOf(position: Pick<GitPosition, 'head' | 'refs'>): string | undefined {
  const branch = branchOf(position);
  return branch === undefined ? position.head : position.refs.get(branch);
}

/** The commit that HEAD stands for where files say it at once; of anything else, such as a branch without a commit, git knows. */
export function writtenTip(gitDir: string, commonDir: string): string | undefined {
  const head = readBelow(gitDir, 'HEAD', MAX_SMALL_BYTES)?.toString('utf8').trim() ?? '';
  if (OID.test(head)) return head;
  const branch = /^ref: (refs\/heads\/[^\0\n]+)$/.exec(head)?.[1];
  if (branch === undefined) return undefined;
  const loose = readBelow(commonDir, fromText(branch), MAX_SMALL_BYTES)?.toString('latin1').trim();
  if (loose !== undefined) return OID.test(loose) ? loose : undefined;
  const packed = readBelow(commonDir, 'packed-refs', MAX_LIST_BYTES)?.toString('utf8') ?? '';
  const line = packed.split('\n').find((each) => each.endsWith(` ${branch}`)) ?? '';
  const [oid = ''] = line.split(' ');
  return OID.test(oid) && line.length === oid.length + 1 + branch.length ? oid : undefined;
}

function readHead(gitDir: string): string {
  const text = readBelow(gitDir, 'HEAD', MAX_SMALL_BYTES)?.toString('utf8').trim() ?? '';
  const branch = /^ref:[ \t]*(refs\/[^\0\n]+)$/.exec(text)?.[1];
  if (branch !== undefined) return branch;
  if (OID.test(text)) return text;
  throw new IronError('E_WORKSPACE', {
    message: `the repository at ${gitDir} has no HEAD that can be read`,
    hint: 'look with `git status`; work in the files is not touched by this',
  });
}

function looseRefs(commonDir: string): [string, string][] {
  const found: [string, string][] = [];
  const visit = (path: BytePath, depth: number): void => {
    for (const name of namesBelow(commonDir, path)) {
      const inner = `${path}/${name}`;
      const text = readBelow(commonDir, inner, MAX_SMALL_BYTES)?.toString('latin1').trim();
      if (text === undefined) {
        if (depth < MAX_DEPTH) visit(inner, depth + 1);
      } else if (OID.test(text)) found.push([toText(inner), text]);
    }
  };
  for (const top of ['refs/heads', 'refs/tags']) visit(top, 0);
  return found;
}

function packedRefs(commonDir: string): [string, string][] {
  const text = readBelow(commonDir, 'packed-refs', MAX_LIST_BYTES)?.toString('utf8') ?? '';
  return text.split('\n').flatMap((line): [string, string][] => {
    const [oid = '', name = ''] = line.split(' ');
    return OID.test(oid) && COUNTED.test(name) ? [[name, oid]] : [];
  });
}

/** Git keeps all but the newest in that ref's log alone. */
function stashes(commonDir: string): [string, string][] {
  const log = readBelow(commonDir, 'logs/refs/stash', MAX_LIST_BYTES)?.toString('latin1') ?? '';
  const newest = readBelow(commonDir, 'refs/stash', MAX_SMALL_BYTES)?.toString('latin1').trim() ?? '';
  const oids = [newest, ...log.split('\n').map((line) => line.split(' ')[1] ?? '')].filter((oid) => OID.test(oid));
  return oids.map((oid) => [`refs/stashed/${oid}`, oid]);
}

/** Undefined where there is no regular file. Throws E_WORKSPACE for one that is too large. */
export function readBelow(root: string, path: string, maxBytes: number): Buffer | undefined {
  return inDirectoryOf(root, path, (directory, name) => {
    if (statAt(directory, name)?.isFile() !== true) return undefined;
    const { fd, stat } = openFileAt(directory, name);
    try {
      if (stat.size <= BigInt(maxBytes)) return readFileSync(fd);
    } finally {
      closeSync(fd);
    }
    throw new IronError('E_WORKSPACE', {
      message: `${path} of the cage’s repository is larger than anything git writes there`,
      hint: 'look into it with `ironcage shell`',
    });
  });
}

function namesBelow(root: string, path: BytePath): BytePath[] {
  return (
    inDirectoryOf(root, `${path}/.`, (directory) => listNames(directory).filter((name) => !name.endsWith('.lock'))) ??
    []
  );
}

function inDirectoryOf<T>(root: string, path: string, look: (directory: number, name: BytePath) => T): T | undefined {
  const names = (path.startsWith('refs/') ? path : fromText(path)).split('/');
  const name = names.pop() ?? '';
  // A cage may have written the path: it only ever leads downwards.
  if (names.includes('..') || name === '..') return undefined;
  let top: number | undefined;
  try {
    top = openDirectory(root);
    return withDirectoryBelow(top, names.join('/'), (directory) => look(directory, name));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  } finally {
    if (top !== undefined) closeSync(top);
  }
}
