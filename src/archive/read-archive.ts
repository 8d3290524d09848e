// Reads an archive that anybody may have written. First its manifest, which says how much there is; then every entry, each in its place, while
// the list is made anew from what arrives; last the archive's own list, which must be the same byte for byte, and then nothing more.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { systemErrorCode } from '../platform/errors.ts';
import { createByteSource, type ByteSource } from './byte-source.ts';
import { entryLine, type ArchiveEntry } from './entry.ts';
import { parseEntryPath, type NameBytes } from './entry-name.ts';
import { MAX_MANIFEST_BYTES, parseManifest, type Manifest } from './manifest.ts';
import { refused } from './refusal.ts';
import { padding, readHeader } from './tar-blocks.ts';
import { LIST_PATH } from './write-archive.ts';

export const MANIFEST_PATH = 'manifest.json';
/** Headers, the list and padding, beside the contents of files. */
const OVERHEAD_BYTES_PER_ENTRY = 16 * 1024;
const PIECE_BYTES = 64 * 1024;
const MAX_LIST_BYTES_PER_ENTRY = 13 * 1024;

export interface ReadManifest {
  manifest: Manifest;
  /** SHA-256 of the manifest as it stands there: what was shown is what is restored. */
  seal: string;
}

export interface ArchiveVisitor {
  /** Where the list is made anew: a new file. */
  listFile: string;
  /** Once; throws to refuse. */
  begin(read: ReadManifest): Promise<void>;
  /** All of `contents` is read for it, whatever it does. Throws to refuse. */
  entry(entry: ArchiveEntry, names: NameBytes, contents: AsyncIterable<Buffer>): Promise<void>;
}

export async function readManifest(fd: number): Promise<ReadManifest> {
  return withSource(fd, async (source) => {
    const { text } = await firstEntry(source);
    return sealed(text);
  });
}

/** Throws E_ARCHIVE for whatever is not exactly as ironcage writes it. */
export async function readArchive(fd: number, visitor: ArchiveVisitor): Promise<void> {
  await withSource(fd, async (source, allow) => {
    const { entry: first, text } = await firstEntry(source);
    const read = sealed(text);
    const { entries, bytes } = read.manifest;
    allow(bytes + (entries + 2) * OVERHEAD_BYTES_PER_ENTRY + MAX_MANIFEST_BYTES);
    await visitor.begin(read);
    const list = openSync(visitor.listFile, 'wx+', 0o600);
    try {
      writeSync(list, entryLine(first, read.seal));
      await readEntries(source, read.manifest, visitor, list);
    } finally {
      closeSync(list);
    }
  });
}

async function readEntries(
  source: ByteSource,
  manifest: Manifest,
  visitor: ArchiveVisitor,
  list: number,
): Promise<void> {
  let [entries, bytes] = [0, 0];
  for (;;) {
    const entry = await readHeader((count) => source.exactly(count));
    if (entry === undefined) throw refused('it ends before its list');
    if (entry.path === LIST_PATH) {
      if (entries !== manifest.entries || bytes !== manifest.bytes)
        throw refused('something is missing of what it says');
      await compareList(source, entry, list, (entries + 1) * MAX_LIST_BYTES_PER_ENTRY);
      return endOf(source);
    }
    entries += 1;
    bytes += entry.size;
    if (entries > manifest.entries || bytes > manifest.bytes) throw refused('it holds more than it says', entry.path);
    const hash = createHash('sha256');
    const contents = hashed(source.pieces(entry.size), hash);
    await visitor.entry(entry, parseEntryPath(entry.path), contents);
    for await (const _rest of contents);
    await source.exactly(padding(entry.size));
    writeSync(list, entryLine(entry, hash.digest('hex')));
  }
}

async function* hashed(pieces: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
}

/** The archive's own list against the one that was made of what arrived. */
async function compareList(source: ByteSource, { kind, size }: ArchiveEntry, list: number, max: number): Promise<void> {
  if (kind !== 'file' || size > max) throw refused('its list is no list');
  let at = 0;
  for await (const theirs of source.pieces(size)) {
    const ours = Buffer.alloc(theirs.length);
    const read = readSync(list, ours, 0, ours.length, at);
    if (read !== theirs.length || !ours.equals(theirs)) throw refused(differenceAt(list, at, ours, theirs));
    at += read;
  }
  if (at !== fstatSync(list).size) throw refused('something in it is not in its list');
  await source.exactly(padding(size));
}

/** Which entry it is that differs: the line of ours around the first byte that does. */
function differenceAt(list: number, at: number, ours: Buffer, theirs: Buffer): string {
  const first = ours.findIndex((byte, index) => byte !== theirs[index]);
  const from = Math.max(0, at + Math.max(first, 0) - 8192);
  const around = Buffer.alloc(16_384);
  const read = readSync(list, around, 0, around.length, from);
  const before = around.subarray(0, at + Math.max(first, 0) - from).lastIndexOf(0x0a) + 1;
  const end = around.indexOf(0x0a, before);
  const path = /^\{"path":("(?:[^"\\]|\\.)*")/.exec(around.toString('utf8', before, end < 0 ? read : end))?.[1];
  return `${path?.slice(0, 200) ?? 'an entry'} is not what its list says: damaged, or changed after it was written`;
}

async function endOf(source: ByteSource): Promise<void> {
  if ((await readHeader((count) => source.exactly(count))) !== undefined)
    throw refused('there is more behind its list');
  if (!(await source.hasEnded())) throw refused('there is more behind its end');
}

async function firstEntry(source: ByteSource): Promise<{ entry: ArchiveEntry; text: string }> {
  const entry = await readHeader((count) => source.exactly(count));
  if (entry?.path !== MANIFEST_PATH || entry.kind !== 'file') throw refused('it does not begin with a manifest');
  if (entry.size > MAX_MANIFEST_BYTES) throw refused('its manifest is too large');
  const text = (await source.exactly(entry.size)).toString('utf8');
  await source.exactly(padding(entry.size));
  return { entry, text };
}

function sealed(text: string): ReadManifest {
  return { manifest: parseManifest(text), seal: createHash('sha256').update(text).digest('hex') };
}

/** `allow` raises the bound on what may be unpacked. */
async function withSource<T>(
  fd: number,
  work: (source: ByteSource, allow: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  let bound = MAX_MANIFEST_BYTES + OVERHEAD_BYTES_PER_ENTRY;
  const file = Readable.from(piecesOf(fd));
  const gunzip = createGunzip();
  file.on('error', (error) => gunzip.destroy(error));
  file.pipe(gunzip);
  try {
    const source = createByteSource(gunzip, () => bound);
    const hasAll = { ended: false };
    const result = await work(
      {
        ...source,
        hasEnded: async () => {
          hasAll.ended = await source.hasEnded();
          return hasAll.ended;
        },
      },
      (bytes) => (bound = bytes),
    );
    // What is no gzip behind the end of one is passed over without a word.
    if (hasAll.ended && gunzip.bytesWritten !== fstatSync(fd).size) throw refused('there is more behind its end');
    return result;
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (code.startsWith('Z_'))
      throw refused(code === 'Z_BUF_ERROR' ? 'it is cut off' : 'it is damaged, or no gzip file');
    throw error;
  } finally {
    file.destroy();
    gunzip.destroy();
  }
}

/** From its beginning, wherever anybody has read to. Node's own stream for files closes what it did not open. */
function* piecesOf(fd: number): Generator<Buffer> {
  for (let at = 0; ;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const read = readSync(fd, piece, 0, PIECE_BYTES, at);
    if (read === 0) return;
    yield piece.subarray(0, read);
    at += read;
  }
}
