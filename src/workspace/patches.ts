// A cage's work as mails that `git am` takes: the agent's commits upon the base, and what was not committed as a last one. Applied in order
// to the base they give the cage's files, byte by byte; where mail would change bytes (line ends of another system) the patch is binary.
import { appendFileSync, closeSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { lookAt } from './apply-steps.ts';

import type { BaseStore } from './base-store.ts';
import { pathBytes, type BytePath } from './byte-path.ts';
import { withCageCommits } from './cage-commits.ts';
import { recordCageTree } from './cage-tree.ts';
import { storeCommit } from './commit-object.ts';
import type { SkippedFile } from './copy-tree.ts';
import { openDirectory } from './directory-handle.ts';
import { treeWith } from './edited-tree.ts';
import { git } from './git.ts';
import { hostWrites } from './plan-apply.ts';
import { blobSizes, readBlobs } from './read-blobs.ts';
import { asSuperproject } from './superproject.ts';
import { diffTrees } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface Patch {
  /** `0001-what-it-says.patch` */
  file: string;
  /** Bytes of one mail. */
  contents: Buffer;
  /** Text from inside the cage: make it printable before it reaches a terminal. */
  subject: string;
  author: string;
  /** The agent's commit; undefined: what was not committed. */
  commit: string | undefined;
}

export interface Patches {
  patches: readonly Patch[];
  /** What is in the cage and can be in no patch. */
  skipped: readonly SkippedFile[];
}

const OWN_AUTHOR = 'ironcage <ironcage@localhost>';
const MAX_LOOKED_AT_BYTES = 4 * 1024 * 1024;
const MAX_HELD_BYTES = 32 * 1024 * 1024;
const MAX_PATCH_BYTES = 256 * 1024 * 1024;

/** The caller holds the cage's lock; the cage may run meanwhile. */
export async function makePatches(
  workspace: PreparedWorkspace,
  { cageName, nowMs, tell }: { cageName: string; nowMs: number; tell: (line: string) => void },
): Promise<Patches> {
  const read = await tellIfSlow(tell, 'reading the cage', () => recordCageTree(workspace));
  const { tree, submodules, inside, workspace: upon } = await asSuperproject(workspace, read.tree);
  const { base } = upon;
  const patches = await withCageCommits(
    upon,
    { message: ({ message }) => mailable(message), submodules },
    async ({ store, commits, carried }) => {
      const last = carried.at(-1) ?? { oid: base.commit, tree: base.tree };
      const committed = commits.at(-1)?.tree;
      const final = await uncommitted(workspace, store, { from: last.tree, to: tree, committed });
      const row = carried.map(({ oid, tree: at, of }) => ({ oid, tree: at, commit: of.oid }));
      if (final !== last.tree) {
        const author = `${OWN_AUTHOR} ${Math.floor(nowMs / 1000)} +0000`;
        const message = `Uncommitted work of the cage ${cageName}\n`;
        const parent = last.oid;
        const oid = storeCommit(store, { tree: final, parent, author, encoding: undefined, message });
        row.push({ oid, tree: final, commit: '' });
      }
      return row.length === 0 ? [] : tellIfSlow(tell, 'writing patches', () => format(store, base, row));
    },
  );
  return { patches, skipped: [...read.skipped, ...inside] };
}

/** The tree `to`, but for files that were committed although git ignores them: they are still there. */
export async function uncommitted(
  { directories, strategy }: PreparedWorkspace,
  store: BaseStore,
  { from, to, committed }: { from: string; to: string; committed: string | undefined },
): Promise<string> {
  const writes = hostWrites(await diffTrees(store, from, to, 'no-renames'));
  if (committed === undefined) return treeWith(store, from, writes);
  const root = openDirectory(strategy === 'overlay' ? directories.upper : directories.tree);
  try {
    const wanted = writes.filter(({ path, after }) => after !== undefined || lookAt(root, path)?.isFile() !== true);
    return await treeWith(store, from, wanted);
  } finally {
    closeSync(root);
  }
}

async function format(
  store: BaseStore,
  base: PreparedWorkspace['base'],
  row: readonly { oid: string; tree: string; commit: string }[],
): Promise<Patch[]> {
  const trees = [base.tree, ...row.map(({ tree }) => tree)];
  await markUnmailable(store, trees);
  const directory = join(store.gitDir, 'patches');
  mkdirSync(directory, { mode: 0o700 });
  const form = ['--binary', '--full-index', '-M', '--no-ext-diff', '--no-textconv', '--no-color', '--no-signature'];
  const mail = ['--no-thread', '--no-cover-letter', '--no-attach', '--no-notes', '--no-to', '--no-cc', '--quiet'];
  const range = `${base.commit}..${row.at(-1)?.oid ?? ''}`;
  // Names in ASCII, whatever they are: a mail is no place for other bytes.
  const settings = ['-c', 'core.quotePath=true', '-c', 'format.numbered=auto', '-c', 'diff.renameLimit=2000'];
  await git([...settings, 'format-patch', ...form, ...mail, '--output-directory', directory, range], {
    gitDir: store.gitDir,
  });
  const files = readdirSync(directory).sort();
  const bytes = files.reduce((sum, file) => sum + statSync(join(directory, file)).size, 0);
  if (bytes > MAX_PATCH_BYTES) throw tooLarge();
  const subjects = await git(['log', '--reverse', '-z', '--format=%s%x00%an', range], { gitDir: store.gitDir });
  const told = subjects.stdout.toString('utf8').split('\0');
  return files.map((file, number) => ({
    file,
    contents: readFileSync(join(directory, file)),
    subject: told[2 * number] ?? '',
    author: told[2 * number + 1] ?? '',
    commit: row[number]?.commit === '' ? undefined : row[number]?.commit,
  }));
}

function tooLarge(): IronError {
  return new IronError('E_WORKSPACE', {
    message: `the patches have more than ${MAX_PATCH_BYTES / 1024 / 1024} MiB`,
    because: 'they are held in memory, and so they would be by git am',
    hint: 'take the commits over with ironcage apply --branch NAME --keep-commits, or the files with ironcage export',
  });
}

/** A carriage return before a line's end is lost in a mail: files with one, and those too large to be looked at, are binary. */
async function markUnmailable(store: BaseStore, trees: readonly string[]): Promise<void> {
  const marked = new Set<BytePath>();
  for (const [number, to] of trees.slice(1).entries()) {
    const differences = await diffTrees(store, trees[number] ?? '', to, 'no-renames');
    const sides = differences.flatMap(({ bytes, before, after }) =>
      [before, after].flatMap((side) =>
        side === undefined || side.mode === '160000' ? [] : [{ path: bytes.path, oid: side.oid }],
      ),
    );
    const fine = await withoutReturns(
      store,
      sides.map(({ oid }) => oid),
    );
    for (const { path, oid } of sides) if (!fine.has(oid)) marked.add(path);
  }
  const lines = [...marked].map((path) => `${attributePattern(path)} -diff\n`);
  appendFileSync(join(store.gitDir, 'info', 'attributes'), lines.join(''));
}

/** Of these files those that are looked at and hold no carriage return. */
async function withoutReturns(store: BaseStore, oids: readonly string[]): Promise<Set<string>> {
  const fine = new Set<string>();
  let batch: string[] = [];
  let bytes = 0;
  const look = async (): Promise<void> => {
    for (const [oid, contents] of await readBlobs(store, batch)) if (!contents.includes(0x0d)) fine.add(oid);
    [batch, bytes] = [[], 0];
  };
  for (const [oid, size] of await blobSizes(store, oids)) {
    if (size > MAX_LOOKED_AT_BYTES) continue;
    batch.push(oid);
    bytes += size;
    if (bytes > MAX_HELD_BYTES) await look();
  }
  await look();
  return fine;
}

/** One path and no other, as gitattributes(5) has it: a glob whose signs are guarded, in C's quotes. */
function attributePattern(path: BytePath): string {
  const quoted = [...pathBytes(`/${path.replace(/[\\*?[]/g, '\\$&')}`)].map((byte) => {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === '\\') return `\\${character}`;
    return byte < 0x20 || byte >= 0x7f ? `\\${byte.toString(8).padStart(3, '0')}` : character;
  });
  return `"${quoted.join('')}"`;
}

/** Lines that `git am` would take for the beginning of a patch, of another mail or of a header, and no part of the message. */
const MISREAD = /^(?:diff -|Index: |---|>?From |\[PATCH)/;
const HEADER = /^(?:from|subject|date):/i;

export function mailable(message: string): string {
  const lines = message.replaceAll('\0', '').split('\n');
  const safe = lines.map((line) => (MISREAD.test(line) || HEADER.test(line) ? ` ${line}` : line)).join('\n');
  return safe.trim() === '' ? '(no message)\n' : safe;
}
