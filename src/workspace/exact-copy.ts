// A copy of a tree that nobody writes to meanwhile, with everything that the kernel keeps of it: owners, times, holes, links among its
// files and, of an overlay's layer, its marks. Bytes are shared where the file system can. cp makes it, since Node reads neither
// extended attributes nor holes; it follows no link and sees nothing else. Pipes, sockets and devices are left out and named.
import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, unlinkSync, type Dirent } from 'node:fs';
import { confinedCopy, SEEN_SOURCE } from '../platform/confined-copy.ts';
import { refuseWhenInterrupted } from '../platform/interrupts.ts';
import { hostEnvironment } from '../platform/environment.ts';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { run, type RunResult } from '../platform/processes.ts';
import { printableLine } from '../platform/text.ts';
import { below, bytePath, parentOf, toText, type BytePath } from './byte-path.ts';
import type { Owner, SkippedFile } from './copy-tree.ts';

export interface ExactCopy {
  /** Absolute; a directory. */
  source: string;
  /** Absolute; must not exist, its parent must. */
  target: string;
  /** The upper layer of an overlay: without its marks what the cage deleted would be there again. */
  isLayer?: boolean | undefined;
  /** Of a copy that root makes: whom all of it belongs to, other than in the source. No layer’s: nobody else can make its marks. */
  owner?: Owner | undefined;
  interrupted: AbortSignal;
}

/** Returns what could not come along, by paths relative to the source. When it throws, the target may be half made. */
export async function copyExactly({
  source,
  target,
  isLayer = false,
  owner,
  interrupted,
}: ExactCopy): Promise<SkippedFile[]> {
  const kept = [...(isLayer ? ['--preserve=xattr'] : []), ...(owner === undefined ? [] : ['--no-preserve=ownership'])];
  const options = ['--archive', ...kept, '--reflink=auto', '--sparse=auto'];
  const [program = '', ...args] = confinedCopy(source, target, options, owner);
  const copied = await runTool(program, args, interrupted);
  const unreadable = copied.exitCode === 0 ? [] : readUnreadable(copied.stderr);
  if (unreadable === undefined) throw copyFailure(source, copied);
  return [...unreadable, ...dropSpecial(target, isLayer)];
}

/** Gives every file below `source` a second name at its place below `target`: only for files that are never written again. */
export function linkTree(source: Buffer, target: Buffer): void {
  mkdirSync(target, { mode: 0o700 });
  for (const entry of readdirSync(source, { withFileTypes: true, encoding: 'buffer' })) {
    const [from, to] = [source, target].map((directory) => below(directory, bytePath(entry.name)));
    if (from === undefined || to === undefined) continue;
    if (entry.isDirectory()) linkTree(from, to);
    else linkSync(from, to);
  }
}

/** Bytes that a tree takes on disk; what the file system shares between copies counts for each of them. */
export async function diskUsage(path: string, interrupted: AbortSignal): Promise<number> {
  const answer = await runTool('du', ['--summarize', '--block-size=1', '--', path], interrupted);
  // What cannot be read of it is missing in the sum, which is for people.
  return Number(/^(\d+)\t/.exec(answer.stdout.toString('latin1'))?.[1] ?? 0);
}

async function runTool(program: string, args: readonly string[], interrupted: AbortSignal): Promise<RunResult> {
  const env = { PATH: hostEnvironment()['PATH'], LC_ALL: 'C' };
  const result = await run(program, args, { env, abort: interrupted });
  refuseWhenInterrupted(interrupted);
  return result;
}

/** Of an ordinary user: a cage can take itself the right to read its files. Undefined when anything else went wrong. */
function readUnreadable(stderr: string): SkippedFile[] | undefined {
  const lines = stderr.split('\n').filter((line) => line !== '');
  const names = lines.flatMap(
    (line) => /^(?:\/)?cp: cannot \w+ (?:directory )?(.+?)(?: for reading)?: Permission denied$/.exec(line)?.[1] ?? [],
  );
  if (lines.length === 0 || names.length !== lines.length) return undefined;
  return names.map((name) => ({
    path: printableLine(name.replace(/^'(.*)'$/s, '$1').replace(`${SEEN_SOURCE}/`, '')),
    reason: 'it cannot be read',
  }));
}

/** Of a layer a device 0/0 says that something was deleted. A directory that cannot be read was copied without what is in it. */
function dropSpecial(root: string, isLayer: boolean, path: BytePath = ''): SkippedFile[] {
  return entriesOf(below(root, path)).flatMap((entry): SkippedFile[] => {
    const inner = path === '' ? bytePath(entry.name) : `${path}/${bytePath(entry.name)}`;
    if (entry.isDirectory()) return dropSpecial(root, isLayer, inner);
    if (entry.isFile() || entry.isSymbolicLink()) return [];
    if (isLayer && entry.isCharacterDevice() && lstatSync(below(root, inner)).rdev === 0) return [];
    removeEntry(root, inner);
    return [{ path: toText(inner), reason: 'it is a pipe, socket or device' }];
  });
}

function entriesOf(directory: Buffer): Dirent<Buffer>[] {
  try {
    return readdirSync(directory, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    if (systemErrorCode(error) === 'EACCES') return [];
    throw error;
  }
}

function removeEntry(root: string, path: BytePath): void {
  const entry = below(root, path);
  try {
    unlinkSync(entry);
  } catch (error) {
    if (systemErrorCode(error) !== 'EACCES') throw error;
    // Of a directory that the cage lets nobody write in.
    const parent = below(root, parentOf(path));
    const { mode } = lstatSync(parent);
    chmodSync(parent, 0o700);
    unlinkSync(entry);
    chmodSync(parent, mode & 0o7777);
  }
}

function copyFailure(source: string, { stderr, exitCode }: RunResult): IronError {
  const said = printableLine(stderr.trim().split('\n').at(-1) ?? '').slice(0, 600);
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    return new IronError('E_DISK_FULL', {
      message: 'the disk is full',
      because: said,
      hint: 'free some space and run the command again; nothing was changed',
    });
  }
  return new IronError('E_WORKSPACE', {
    message: `${source} cannot be copied`,
    because: said === '' ? `cp ended with ${exitCode ?? 'a signal'}` : said,
    hint: 'put that right and run the command again; nothing was changed',
  });
}
