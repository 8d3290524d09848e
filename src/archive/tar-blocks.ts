// Tar headers, as few kinds of them as an archive needs: files, directories and symbolic links, with a pax header before what does not fit.
// Every other kind, field or spelling is refused. Where bytes go is not decided here.
import { Header, Pax } from 'tar';
import type { ArchiveEntry } from './entry.ts';
import { refused } from './refusal.ts';

export const BLOCK = 512;
const MAX_PAX_BYTES = 64 * 1024;
/** What the plain header can say. */
const MAX_PLAIN_CHARACTERS = 99;
const MAX_PLAIN_BYTES = 0o77777777777;
const PAX_FIELDS = /^\d+ (path|linkpath|size)=/;

const TYPES = { file: 'File', directory: 'Directory', link: 'SymbolicLink' } as const;

export function encodeHeader({ path, kind, mode, size, mtime, target }: ArchiveEntry): Buffer {
  const long = {
    ...(isPlain(path) ? {} : { path }),
    ...(isPlain(target) ? {} : { linkpath: target }),
    ...(size <= MAX_PLAIN_BYTES ? {} : { size }),
  };
  const header = new Header({
    path: isPlain(path) ? path : 'long-name',
    linkpath: isPlain(target) ? target : 'long-link',
    size: size <= MAX_PLAIN_BYTES ? size : 0,
    ...{ mode, uid: 0, gid: 0, type: TYPES[kind], mtime: new Date(mtime * 1000) },
  });
  const block = encodeBlock(header);
  if (Object.keys(long).length === 0) return block;
  const body = Buffer.from(new Pax(long).encodeBody());
  const before = new Header({ path: 'long', size: body.length, mode: 0o644, uid: 0, gid: 0, type: 'ExtendedHeader' });
  return Buffer.concat([encodeBlock(before), body, Buffer.alloc(padding(body.length)), block]);
}

function encodeBlock(header: Header): Buffer {
  const block = Buffer.alloc(BLOCK);
  header.encode(block);
  return block;
}

function isPlain(text: string): boolean {
  return text.length <= MAX_PLAIN_CHARACTERS && /^[\u0020-\u007e]*$/.test(text);
}

export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Reads exactly so many bytes; throws where there are fewer. */
export type ReadExactly = (bytes: number) => Promise<Buffer>;

/** The next entry, whose contents follow; undefined at the end of the archive. */
export async function readHeader(read: ReadExactly): Promise<ArchiveEntry | undefined> {
  const block = await read(BLOCK);
  if (isZero(block)) {
    if (!isZero(await read(BLOCK))) throw refused('it does not end as an archive does');
    return undefined;
  }
  const header = decode(block);
  if (header.type !== 'ExtendedHeader') return entryOf(header);
  const { size = 0 } = header;
  if (size === 0 || size > MAX_PAX_BYTES) throw refused('it has a header of an impossible size');
  const body = await read(size + padding(size));
  const text = body.toString('utf8', 0, size);
  // Read again as one text: nothing may be hidden from one of two readers.
  const lines = text.split('\n').slice(0, -1);
  if (!text.endsWith('\n') || text.includes('\0') || lines.length > 3 || !lines.every((line) => isPaxLine(line)))
    throw refused('it has a header that ironcage does not write');
  if (new Set(lines.map((line) => PAX_FIELDS.exec(line)?.[1])).size !== lines.length)
    throw refused('it has a header that says one thing twice');
  const next = await read(BLOCK);
  if (isZero(next)) throw refused('it has a header for nothing');
  return entryOf(decode(next), Pax.parse(text));
}

function isPaxLine(line: string): boolean {
  return PAX_FIELDS.test(line) && Number.parseInt(line, 10) === Buffer.byteLength(line) + 1;
}

function decode(block: Buffer): Header {
  if (block.toString('latin1', 257, 265) !== 'ustar\u000000') throw refused('it is no archive of ironcage’s');
  if (!isZero(block.subarray(345, BLOCK))) throw refused('it has a header that ironcage does not write');
  let header: Header;
  try {
    header = new Header(block);
  } catch {
    throw refused('it has a header that cannot be read');
  }
  if (!header.cksumValid) throw refused('it is damaged: the checksum of a header is wrong', header.path ?? '');
  return header;
}

/** What the header before it says counts; the library would take some of it from the one and some from the other. */
function entryOf(header: Header, extended?: Pax): ArchiveEntry {
  const { mode = 0, mtime } = header;
  const path = extended?.path ?? header.path ?? '';
  const size = extended?.size ?? header.size ?? 0;
  const linkpath = extended?.linkpath ?? header.linkpath ?? '';
  const kind = kindOf(header, path);
  if ((mode & ~0o777) !== 0) throw refused('it is set-uid, set-gid or sticky', path);
  if (!Number.isSafeInteger(size) || size < 0) throw refused('it has an impossible size', path);
  if (kind !== 'file' && size !== 0) throw refused('it has contents and is no file', path);
  if ((kind === 'link') !== (linkpath !== '')) throw refused('it is a link in part', path);
  const seconds = Math.floor((mtime?.getTime() ?? 0) / 1000);
  if (!Number.isSafeInteger(seconds)) throw refused('it has an impossible time', path);
  return { path, kind, mode, size, mtime: seconds, target: linkpath };
}

const KINDS: ReadonlyMap<string, ArchiveEntry['kind']> = new Map([
  ['File', 'file'],
  ['Directory', 'directory'],
  ['SymbolicLink', 'link'],
]);
const REFUSED_KINDS: ReadonlyMap<string, string> = new Map([
  ['Link', 'a hard link'],
  ['CharacterDevice', 'a device'],
  ['BlockDevice', 'a device'],
  ['FIFO', 'a pipe'],
]);

function kindOf({ type }: Header, path: string): ArchiveEntry['kind'] {
  const kind = KINDS.get(type);
  if (kind !== undefined) return kind;
  throw refused(`it is ${REFUSED_KINDS.get(type) ?? 'of a kind that a backup does not hold'}`, path);
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
