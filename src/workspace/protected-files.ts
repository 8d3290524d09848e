// `.cageprotect` and --protect: files of the host that no export overwrites or deletes, in the language of .gitignore.
import { constants, closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { fromText, nameOf, type BytePath } from './byte-path.ts';
import { isNamed } from './host-ignored.ts';
import { parseIgnoreFile } from './ignore-pattern.ts';
import type { IgnoreRules } from './ignore-rules.ts';

const FILE_NAME = '.cageprotect';
const MAX_BYTES = 1024 * 1024;

/** Says of a byte path whether it is protected. `roots`: directories whose `.cageprotect` counts; missing ones have none. */
export function readProtection(roots: readonly string[], globs: readonly string[]): (path: BytePath) => boolean {
  const texts = [...[...new Set(roots)].map(readFile), globs.map(fromText).join('\n')];
  const rules: IgnoreRules[] = texts
    .map((text) => ({ directory: '', patterns: parseIgnoreFile(text), outer: undefined }))
    .filter(({ patterns }) => patterns.length > 0);
  // What protects is never the cage's to change.
  return (path) => nameOf(path) === FILE_NAME || rules.some((own) => isNamed(own, path));
}

/** A protection that cannot be read is none that may be passed over. */
function readFile(root: string): string {
  const path = join(root, FILE_NAME);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return '';
    throw unreadable(path, error);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_BYTES) throw unreadable(path);
    const bytes = Buffer.alloc(stat.size);
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}

function unreadable(path: string, cause?: unknown): IronError {
  return new IronError('E_PROTECTION', {
    message: `${path} cannot be read, so that it is not known which files it protects`,
    because: 'it has to be a file of at most 1 MiB that you may read',
    hint: 'make it one, or take it away',
    cause,
  });
}
