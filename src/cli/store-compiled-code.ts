// Writes what compiled-code.ts reads, when a command ends that had to compile.
import { lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory, pathExists, removeTree, writeFileAtomic } from '../platform/files.ts';
import type { CompiledCode } from './compiled-code.ts';

/** A word that was typed wrong is no command, and has its file all the same. */
const MOST_COMMANDS = 100;
/** What nobody wrote to for so long is of a version that has gone. */
const STALE_MS = 30 * 86_400_000;

/** Format: 4 bytes, the length of a table as JSON, `{ NAME: BYTES }`; the table; what it names, one after the other. */
export function storeCompiledCode({ dataRoot, file, modules }: CompiledCode): void {
  if (![...modules.values()].some(({ isNew }) => isNew)) return;
  try {
    const version = dirname(file);
    if (!pathExists(version)) removeStale(dataRoot, dirname(version));
    makeDirectory(version);
    if (readdirSync(version).length >= MOST_COMMANDS) return;
    const parts = [...modules].map(([name, { script }]) => ({ name, code: script.createCachedData() }));
    const table = Buffer.from(JSON.stringify(Object.fromEntries(parts.map(({ name, code }) => [name, code.length]))));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(table.length);
    // V8 does not look at all of it before it runs it: it is whole or not there, after a power failure too.
    writeFileAtomic(file, Buffer.concat([head, table, ...parts.map(({ code }) => code)]));
  } catch {
    // A full disk, or one that is only read: the next command compiles again.
  }
}

/** What other versions left. */
function removeStale(dataRoot: string, all: string): void {
  if (!pathExists(all)) return;
  for (const name of readdirSync(all)) {
    const directory = join(all, name);
    if (Date.now() - lstatSync(directory).mtimeMs > STALE_MS) removeTree(directory, dataRoot);
  }
}
