// Files that we wrote ourselves need no schema when we read them back unchanged, and the schema library is the larger part
// of a short command's start. A seal beside the file holds the hash of what we wrote; any other text, or none, is
// foreign and goes through the schema. Not a protection: who can write the file can write the seal.
import { createHash } from 'node:crypto';
import { readTextIfPresent, writeFileAtomic } from './files.ts';

/** Rises whenever the shape of any sealed file changes, so that what an older version wrote is checked again. */
const SHAPES = 1;

/** Writes a file of mode 0600 and its seal. `text` must have been made from a value of the file's own type. */
export function writeSealedFile(path: string, text: string): void {
  writeFileAtomic(path, text);
  writeFileAtomic(sealPath(path), sealOf(text), { synced: false });
}

/** Whether `text`, read from `path`, is exactly what this version wrote there. */
export function isSealed(path: string, text: string): boolean {
  return readTextIfPresent(sealPath(path)) === sealOf(text);
}

function sealPath(path: string): string {
  return `${path}.seal`;
}

function sealOf(text: string): string {
  return `${SHAPES}:${createHash('sha256').update(text).digest('hex')}\n`;
}
