// Which directories of an overlay's upper layer hide what lies below them. The kernel marks them with an extended attribute,
// which Node cannot read; GNU tar, part of every Debian, can: it lists them in its archive headers. Nothing is unpacked.
import { hostEnvironment } from '../platform/environment.ts';
import { IronError } from '../platform/errors.ts';
import { run } from '../platform/processes.ts';
import { joinRecords, type BytePath } from './byte-path.ts';

const BLOCK = 512;

/** Of `directories` (relative to `upper`, '' for itself) those that are opaque. Refuses layers it does not understand. */
export async function findOpaque(upper: string, directories: readonly BytePath[]): Promise<Set<BytePath>> {
  if (directories.length === 0) return new Set();
  const result = await run(
    'tar',
    [
      '--create',
      '--format=posix',
      '--xattrs',
      '--xattrs-include=user.overlay.*',
      '--no-recursion',
      '--null',
      '--verbatim-files-from',
      '--files-from=-',
      '--file=-',
    ],
    {
      cwd: upper,
      env: { PATH: hostEnvironment()['PATH'], LC_ALL: 'C' },
      input: joinRecords(directories.map((directory) => (directory === '' ? '.' : `./${directory}`))),
    },
  );
  // 1: something changed while tar looked at it, which a running cage may do.
  if (result.exitCode !== 0 && result.exitCode !== 1) throw unreadable(result.stderr.trim());
  return opaqueMembers(result.stdout, directories);
}

/** Reads the archive: one member per directory, in the order asked for. */
function opaqueMembers(archive: Buffer, directories: readonly BytePath[]): Set<BytePath> {
  const opaque = new Set<BytePath>();
  let member = 0;
  let attributes = new Map<string, string>();
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const size = Number.parseInt(header.toString('latin1', 124, 136), 8) || 0;
    const type = header.toString('latin1', 156, 157);
    const body = archive.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'x') {
      attributes = parsePax(body);
      continue;
    }
    const directory = directories[member++];
    if (directory === undefined || type !== '5') throw unreadable('an entry is no directory any more');
    if (isOpaque(attributes)) opaque.add(directory);
    attributes = new Map();
  }
  if (member !== directories.length) throw unreadable('a directory vanished');
  return opaque;
}

function isOpaque(attributes: ReadonlyMap<string, string>): boolean {
  for (const name of ['redirect', 'metacopy', 'whiteout']) {
    if (attributes.has(`SCHILY.xattr.user.overlay.${name}`)) throw unreadable(`it uses overlay ${name}s`);
  }
  const value = attributes.get('SCHILY.xattr.user.overlay.opaque');
  if (value === undefined) return false;
  if (value !== 'y') throw unreadable(`it marks a directory as opaque=${value}`);
  return true;
}

/** Parses pax records: `LENGTH SP KEY = VALUE LF`, the length covering all of it. */
function parsePax(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length <= 0)
      throw unreadable('tar wrote a header that cannot be read');
    const record = body.toString('latin1', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

function unreadable(because: string): IronError {
  return new IronError('E_WORKSPACE', {
    message: 'the cage’s layer over the project cannot be read',
    because,
    hint: 'run the command again; if it stays, stop the cage first',
  });
}
