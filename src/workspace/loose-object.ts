// Stores git objects by ourselves: the bytes come from an open file that was checked, and no git process ever opens a path
// inside a cage. Format: zlib of `type SP size NUL contents`, named by its hash (gitformat-loose in git's documentation).
import { createHash, randomBytes, type Hash } from 'node:crypto';
import {
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { createDeflate, deflateSync } from 'node:zlib';
import type { BaseStore } from './base-store.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
/** Speed over size: these objects live as long as the cage. */
const ZLIB_LEVEL = 1;

/** Stores an object given as bytes, unless its name is `known` to be stored already; returns the name. */
export function storeObject(
  store: BaseStore,
  type: 'blob' | 'tree' | 'commit',
  contents: Buffer,
  known?: string,
): string {
  const head = Buffer.from(`${type} ${contents.length}\0`);
  const oid = createHash(store.objectFormat).update(head).update(contents).digest('hex');
  if (oid === known || existsSync(objectPath(store, oid))) return oid;
  const temporary = temporaryPath(store);
  writeFileSync(temporary, deflateSync(Buffer.concat([head, contents]), { level: ZLIB_LEVEL }), { flag: 'wx' });
  moveIntoPlace(store, temporary, oid);
  return oid;
}

/**
 * Stores the first `size` bytes of an open file as a blob unless its name is `known`; returns the name, or undefined when
 * the file turned out shorter. Holds one chunk of it in memory.
 */
export async function storeFile(
  store: BaseStore,
  fd: number,
  size: number,
  known?: string,
): Promise<string | undefined> {
  if (size <= CHUNK_BYTES) {
    const contents = Buffer.alloc(size);
    if (!readFully(fd, contents, 0)) return undefined;
    return storeObject(store, 'blob', contents, known);
  }
  if (known !== undefined) {
    const hash = startBlob(store, size);
    for (const chunk of chunksOf(fd, size)) {
      if (chunk === undefined) return undefined;
      hash.update(chunk);
    }
    if (hash.digest('hex') === known) return known;
  }
  return storeLargeFile(store, fd, size);
}

/** The name that the first `size` bytes of an open file have as a blob, without storing it; undefined when it is shorter. */
export function nameFile(format: BaseStore['objectFormat'], fd: number, size: number): string | undefined {
  const hash = createHash(format).update(`blob ${size}\0`);
  for (const chunk of chunksOf(fd, size)) {
    if (chunk === undefined) return undefined;
    hash.update(chunk);
  }
  return hash.digest('hex');
}

async function storeLargeFile(store: BaseStore, fd: number, size: number): Promise<string | undefined> {
  const temporary = temporaryPath(store);
  const hash = startBlob(store, size);
  const deflate = createDeflate({ level: ZLIB_LEVEL });
  const file = deflate.pipe(createWriteStream(temporary, { flags: 'wx' }));
  // An error on either stream has to end the loop below, not the process.
  const done = Promise.all([finished(deflate), finished(file)]);
  done.catch(() => undefined);
  try {
    deflate.write(`blob ${size}\0`);
    for (const chunk of chunksOf(fd, size)) {
      if (chunk === undefined) {
        deflate.destroy();
        file.destroy();
        return undefined;
      }
      hash.update(chunk);
      if (!deflate.write(Buffer.from(chunk))) await Promise.race([once(deflate, 'drain'), done]);
    }
    deflate.end();
    await done;
    const oid = hash.digest('hex');
    moveIntoPlace(store, temporary, oid);
    return oid;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function startBlob(store: BaseStore, size: number): Hash {
  return createHash(store.objectFormat).update(`blob ${size}\0`);
}

/** Yields the file in chunks that share one buffer; undefined when it ends early. */
function* chunksOf(fd: number, size: number): Generator<Buffer | undefined> {
  const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, size));
  for (let position = 0; position < size;) {
    const chunk = buffer.subarray(0, Math.min(CHUNK_BYTES, size - position));
    if (!readFully(fd, chunk, position)) {
      yield undefined;
      return;
    }
    yield chunk;
    position += chunk.length;
  }
}

function readFully(fd: number, buffer: Buffer, position: number): boolean {
  for (let read = 0; read < buffer.length;) {
    const count = readSync(fd, buffer, read, buffer.length - read, position + read);
    if (count === 0) return false;
    read += count;
  }
  return true;
}

function objectPath(store: BaseStore, oid: string): string {
  return join(store.gitDir, 'objects', oid.slice(0, 2), oid.slice(2));
}

function temporaryPath(store: BaseStore): string {
  return join(store.gitDir, 'objects', `tmp_obj_${randomBytes(8).toString('hex')}`);
}

function moveIntoPlace(store: BaseStore, temporary: string, oid: string): void {
  const path = objectPath(store, oid);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  chmodSync(temporary, 0o444);
  renameSync(temporary, path);
}
