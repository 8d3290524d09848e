// Whether git would store other bytes than lie on disk for some file of the project. Where it would, an index entry that looks
// clean does not tell the bytes, and everything has to be read once. Errs towards yes; never runs what an attribute names.
import { closeSync, openSync, readSync, constants, fstatSync } from 'node:fs';
import { systemErrorCode } from '../platform/errors.ts';

const CONVERTING = /^(?:text|eol|crlf|filter|ident|working-tree-encoding)(?:=|$)/;
const MAX_ATTRIBUTES_BYTES = 1024 * 1024;

/** Whether any line of a gitattributes text sets an attribute that converts contents (`text`, `filter=lfs`, …). */
export function convertsContents(attributes: string): boolean {
  return attributes.split('\n').some((line) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return false;
    // The pattern comes first, in quotes where it holds blanks; a macro line carries its attributes the same way.
    const words = trimmed.startsWith('"') ? trimmed.replace(/^"(?:[^"\\]|\\.)*"/, 'pattern') : trimmed;
    return words
      .split(/\s+/)
      .slice(1)
      .some((word) => CONVERTING.test(word));
  });
}

/** Whether settings of the user or the repository convert contents without any attribute. */
export function configConverts(settings: ReadonlyMap<string, string>): boolean {
  const autocrlf = settings.get('core.autocrlf')?.toLowerCase();
  return autocrlf !== undefined && !['false', 'no', 'off', '0', ''].includes(autocrlf);
}

/** Reads attribute files and asks of each; a file that is missing says no, one that is odd (a link, huge) says yes. */
export function anyFileConverts(paths: readonly (string | Buffer)[]): boolean {
  return paths.some((path) => {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      return !['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '');
    }
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.size > MAX_ATTRIBUTES_BYTES) return true;
      const bytes = Buffer.alloc(stat.size);
      const length = readSync(fd, bytes, 0, bytes.length, 0);
      return convertsContents(bytes.toString('latin1', 0, length));
    } finally {
      closeSync(fd);
    }
  });
}
