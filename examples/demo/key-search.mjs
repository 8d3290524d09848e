// Looks for a secret where it must not be: in files, and in the arguments and environments of processes; plain, hex, base64.
import { chmodSync, closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

const CHUNK_BYTES = 1024 * 1024;

/** The spellings under which the secret would still be readable; base64 at all three alignments, without the edge characters. */
function needles(secret) {
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.from('\0'.repeat(shift) + secret).toString('base64');
    return text.slice(shift === 0 ? 0 : 4, -4);
  });
  return [secret, Buffer.from(secret).toString('hex'), ...base64].map((text) => Buffer.from(text));
}

/** @returns {{ files: number, unreadable: number, found: string[] }} */
export function searchFiles(root, secret, skip = []) {
  const wanted = needles(secret);
  const result = { files: 0, unreadable: 0, found: [] };
  const visit = (path) => {
    if (skip.includes(path)) return;
    try {
      const stat = lstatSync(path);
      if (stat.isDirectory()) {
        // The kernel closes its own directory beside an overlay to everybody; the search looks there too.
        if ((stat.mode & 0o500) !== 0o500) chmodSync(path, 0o700);
        for (const name of readdirSync(path)) visit(join(path, name));
      } else if (stat.isFile()) {
        result.files += 1;
        if (fileHas(path, wanted)) result.found.push(path);
      }
    } catch {
      // Gone meanwhile, or closed to us: counted, so that a search that saw nothing cannot pass for a clean one.
      result.unreadable += 1;
    }
  };
  visit(root);
  return result;
}

/**
 * Every process whose environment we may read; `marked` counts those that have `mark` in it.
 * @returns {{ processes: number, marked: number, found: number[] }}
 */
export function searchProcesses(secret, mark) {
  const wanted = needles(secret);
  const result = { processes: 0, marked: 0, found: [] };
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const bytes = Buffer.concat(['environ', 'cmdline'].map((file) => readFileSync(`/proc/${name}/${file}`)));
      result.processes += 1;
      if (bytes.includes(mark)) result.marked += 1;
      if (wanted.some((needle) => bytes.includes(needle))) result.found.push(Number(name));
    } catch {
      // Ended meanwhile, or another user's.
    }
  }
  return result;
}

function fileHas(path, wanted) {
  const overlap = Math.max(...wanted.map((needle) => needle.length));
  const buffer = Buffer.alloc(CHUNK_BYTES + overlap);
  const fd = openSync(path, 'r');
  try {
    for (let kept = 0; ;) {
      const read = readSync(fd, buffer, kept, CHUNK_BYTES, null);
      if (read === 0) return false;
      const filled = buffer.subarray(0, kept + read);
      if (wanted.some((needle) => filled.includes(needle))) return true;
      kept = Math.min(overlap, filled.length);
      filled.copy(buffer, 0, filled.length - kept);
    }
  } finally {
    closeSync(fd);
  }
}
