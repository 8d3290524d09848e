// File names are bytes, not text: inside this room a path is a string with one character per byte (latin1), so that no name
// is lost or confused on its way through git. Text is made only for people, and never turned back into a path.

import { HFS_IGNORED } from './fold-name.ts';

/** A relative path, `/` between components, one character per byte. */
export type BytePath = string;

export function pathBytes(path: BytePath): Buffer {
  return Buffer.from(path, 'latin1');
}

export function bytePath(bytes: Uint8Array): BytePath {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The byte path of ordinary text. */
export function fromText(text: string): BytePath {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** For people and JSON: UTF-8 where the bytes are, with replacement characters where they are not. */
export function toText(path: BytePath): string {
  return pathBytes(path).toString('utf8');
}

/** The bytes of `directory/path`. */
export function below(directory: string | Buffer, path: BytePath): Buffer {
  const start = typeof directory === 'string' ? Buffer.from(directory, 'utf8') : directory;
  return path === '' ? start : Buffer.concat([start, Buffer.from('/'), pathBytes(path)]);
}

/** Splits NUL-terminated records of git output into byte paths. */
export function splitRecords(output: Buffer): BytePath[] {
  const records = output.toString('latin1').split('\0');
  if (records.at(-1) === '') records.pop();
  return records;
}

/** Joins byte paths to the NUL-terminated input that git's `-z --stdin` wants. */
export function joinRecords(records: readonly BytePath[]): Buffer {
  return Buffer.from(records.map((record) => `${record}\0`).join(''), 'latin1');
}

export function parentOf(path: BytePath): BytePath {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function nameOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Why git would refuse this component, or undefined when it is fine. The forms are those of git's verify_path with
 * protectHFS and protectNTFS: case, trailing dots and spaces, `git~1`, alternate streams, ignorable code points.
 */
export function unsafeComponent(name: BytePath): string | undefined {
  if (name === '' || name === '.' || name === '..') return 'is no file name';
  if (name.includes('/') || name.includes('\0')) return 'holds a path separator';
  const text = toText(name).replace(HFS_IGNORED, '').toLowerCase();
  const stem = (text.split(/[:\\]/)[0] ?? '').replace(/[. ]+$/, '');
  if (stem === '.git' || stem === 'git~1' || text.split('\\').some((part) => part === '.git')) {
    return 'is a form of .git';
  }
  return undefined;
}
