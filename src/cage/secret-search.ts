// Looks for exact bytes in all files below a directory: the proof that a value is not there. Links are not followed.
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Paths of the regular files below `directory`, less what lies below `except`, whose contents hold `value`. */
export async function placesWithValue(directory: string, value: string, except: string): Promise<string[]> {
  const needle = Buffer.from(value);
  const found: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (path === except) continue;
    if (entry.isDirectory()) found.push(...(await placesWithValue(path, value, except)));
    else if (entry.isFile() && (await holds(path, needle))) found.push(path);
  }
  return found;
}

async function holds(path: string, needle: Buffer): Promise<boolean> {
  let tail = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    const window = Buffer.concat([tail, Buffer.from(chunk)]);
    if (window.includes(needle)) return true;
    tail = window.subarray(Math.max(0, window.length - needle.length + 1));
  }
  return false;
}
