// Keeps what V8 compiled of the command line from one call to the next, since compiling takes about a third of a short command;
// Node can do that itself only from 22 on. It lies in the data root, which no cage can be given, one file for each command, as
// each compiles other functions. All of it is a help and nothing more: whatever is odd means that Node compiles anew.
import * as fs from 'node:fs';
import Module, { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { hostEnvironment } from '../platform/environment.ts';
import { dataRootOf } from '../platform/user-directories.ts';

/** In the data root. */
const DIRECTORY = 'code';
const MOST_BYTES = 16_000_000;

export interface CompiledCode {
  dataRoot: string;
  /** Of this command, in the directory of this version. */
  file: string;
  /** By the name of its file: every module that was loaded, and whether its code was not there or was of another Node. */
  modules: ReadonlyMap<string, { script: Script; isNew: boolean }>;
}

type Compile = (this: NodeJS.Module, content: string, filename: string) => unknown;

/**
 * From here on the modules of `bundle`, a directory, are compiled with what is kept. Undefined where there is no data root, or
 * none that is this user's alone. `digest` names the contents of the bundle.
 */
export function useCompiledCode(
  { bundle, digest }: { bundle: string; digest: string },
  argv: readonly string[],
): CompiledCode | undefined {
  const dataRoot = dataRootOf(hostEnvironment(), namedHome(argv));
  if (!isOwnDirectory(dataRoot)) return undefined;
  const version = `${digest}-${process.version}-${process.arch}`;
  const file = join(dataRoot, DIRECTORY, version, argv.find((word) => /^[a-z][a-z-]{0,30}$/.test(word)) ?? 'help');
  const kept = readKept(file);
  const modules = new Map<string, { script: Script; isNew: boolean }>();
  const original: Compile = Reflect.get(Module.prototype, '_compile');
  const compile: Compile = function (this: NodeJS.Module, content: string, filename: string): unknown {
    if (dirname(filename) !== bundle) return original.call(this, content, filename);
    const cachedData = kept.get(basename(filename));
    const script = new Script(Module.wrap(content), {
      filename,
      ...(cachedData && { cachedData }),
    });
    modules.set(basename(filename), { script, isNew: script.cachedDataRejected !== false });
    const run: (...names: unknown[]) => unknown = script.runInThisContext();
    return run.call(this.exports, this.exports, createRequire(filename), this, filename, bundle);
  };
  Reflect.set(Module.prototype, '_compile', compile);
  return { dataRoot, file, modules };
}

function namedHome(argv: readonly string[]): string | undefined {
  const own = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined);
  const at = own.findIndex((word) => word === '--home' || word.startsWith('--home='));
  return at === -1 ? undefined : own[at] === '--home' ? own[at + 1] : own[at]?.slice('--home='.length);
}

/** What lies in it is run: nobody else may change it. */
function isOwnDirectory(path: string): boolean {
  try {
    return isOwn(fs.statSync(path));
  } catch {
    // Not there, or not to be looked at.
    return false;
  }
}

function isOwn({ uid, mode }: fs.Stats): boolean {
  return uid === process.geteuid?.() && (mode & 0o022) === 0;
}

/** Format: as store-compiled-code.ts writes it. Empty for whatever is not whole. */
function readKept(file: string): Map<string, Buffer> {
  const kept = new Map<string, Buffer>();
  let fd: number | undefined;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || !isOwn(stat) || stat.size > MOST_BYTES) return kept;
    const bytes = fs.readFileSync(fd);
    let at = 4 + bytes.readUInt32LE(0);
    const lengths: Record<string, number> = JSON.parse(bytes.toString('utf8', 4, at));
    for (const [name, length] of Object.entries(lengths)) kept.set(name, bytes.subarray(at, (at += length)));
    return at === bytes.length ? kept : new Map();
  } catch {
    return new Map();
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}
