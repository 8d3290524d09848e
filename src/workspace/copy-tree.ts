// A real copy of a directory of the host: bytes shared where the file system can, links kept as links and never followed,
// permissions without set-id bits. What is no file, directory or link (pipes, sockets, devices) is skipped and named.
import { chmodSync, constants, lchownSync, lstatSync, lutimesSync, mkdirSync } from 'node:fs';
import { readdirSync, readlinkSync, symlinkSync, utimesSync, type Stats } from 'node:fs';
import { copyFile as copyBytes } from 'node:fs/promises';
import { systemErrorCode } from '../platform/errors.ts';
import { settleAll } from '../platform/settled.ts';
import { bytePath, toText, type BytePath } from './byte-path.ts';

export interface Owner {
  uid: number;
  gid: number;
}

export interface CopyOptions {
  source: Buffer;
  target: Buffer;
  owner?: Owner | undefined;
  /** Called with the path relative to `source`; true leaves it, and all below it, out. */
  skip?: ((path: BytePath) => boolean) | undefined;
  /** Called with the same of each file and link that came along. */
  onCopied?: ((path: BytePath) => void) | undefined;
}

export interface SkippedFile {
  /** Text, relative to the source. */
  path: string;
  reason: string;
}

/** Copies a file, link or directory; directories are merged into what is there. Returns what could not come along. */
export async function copyTree(options: CopyOptions): Promise<SkippedFile[]> {
  const skipped: SkippedFile[] = [];
  await copyEntry(options, '', skipped);
  return skipped;
}

async function copyEntry(options: CopyOptions, path: BytePath, skipped: SkippedFile[]): Promise<void> {
  const at = (root: Buffer): Buffer => (path === '' ? root : Buffer.concat([root, Buffer.from(`/${path}`, 'latin1')]));
  const source = at(options.source);
  const target = at(options.target);
  try {
    const stat = lstatSync(source);
    if (stat.isDirectory()) await copyDirectory(options, path, { source, target, stat }, skipped);
    else if (stat.isFile()) await copyFile(source, target, stat, options.owner);
    else if (stat.isSymbolicLink()) copyLink(source, target, stat, options.owner);
    if (stat.isFile() || stat.isSymbolicLink()) options.onCopied?.(path);
    else if (!stat.isDirectory()) skipped.push({ path: toText(path), reason: 'it is a pipe, socket or device' });
  } catch (error) {
    const code = systemErrorCode(error);
    // The user goes on working while the copy is made: what just vanished is simply not part of it.
    if (code === 'ENOENT' && path !== '') return;
    if (code !== 'EACCES' || path === '') throw error;
    skipped.push({ path: toText(path), reason: 'it cannot be read' });
  }
}

async function copyDirectory(
  options: CopyOptions,
  path: BytePath,
  entry: { source: Buffer; target: Buffer; stat: Stats },
  skipped: SkippedFile[],
): Promise<void> {
  const entries = readdirSync(entry.source, { encoding: 'buffer', withFileTypes: true });
  makeDirectoryHere(entry.target);
  const inner = ({ name }: { name: Buffer }): BytePath => (path === '' ? bytePath(name) : `${path}/${bytePath(name)}`);
  const wanted = entries.filter((each) => options.skip?.(inner(each)) !== true);
  const files = wanted.filter((each) => !each.isDirectory());
  // Bytes are copied by several threads; directories one after another, so that what is open stays few.
  for (let at = 0; at < files.length; at += AT_ONCE) {
    await settleAll(files.slice(at, at + AT_ONCE).map((each) => copyEntry(options, inner(each), skipped)));
  }
  for (const each of wanted) if (each.isDirectory()) await copyEntry(options, inner(each), skipped);
  chmodSync(entry.target, entry.stat.mode & 0o777);
  if (options.owner !== undefined) lchownSync(entry.target, options.owner.uid, options.owner.gid);
  utimesSync(entry.target, entry.stat.atime, entry.stat.mtime);
}

/** Files of one directory. */
const AT_ONCE = 64;

function makeDirectoryHere(path: Buffer): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST' || !lstatSync(path).isDirectory()) throw error;
    chmodSync(path, 0o700);
  }
}

async function copyFile(source: Buffer, target: Buffer, stat: Stats, owner: Owner | undefined): Promise<void> {
  await copyBytes(source, target, constants.COPYFILE_FICLONE);
  if (owner !== undefined) lchownSync(target, owner.uid, owner.gid);
  chmodSync(target, stat.mode & 0o777);
  utimesSync(target, stat.atimeMs / 1000, stat.mtimeMs / 1000);
}

function copyLink(source: Buffer, target: Buffer, stat: Stats, owner: Owner | undefined): void {
  symlinkSync(readlinkSync(source, { encoding: 'buffer' }), target);
  if (owner !== undefined) lchownSync(target, owner.uid, owner.gid);
  lutimesSync(target, stat.atimeMs / 1000, stat.mtimeMs / 1000);
}
