// What of a cage a backup holds: a table. A part is a directory of the archive and the tree that fills it. Not in it, ever: keys, values of
// secrets, what only a running cage has, the record (a file that anybody can write proves nothing), homes and caches that others share.
import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_DEPTH } from '../archive/entry-name.ts';
import { run } from '../platform/processes.ts';
import { hostEnvironment } from '../platform/environment.ts';
import { pathExists } from '../platform/files.ts';
import type { Base } from '../workspace/base.ts';
import { below, fromText, splitRecords, type BytePath } from '../workspace/byte-path.ts';
import type { SkippedFile } from '../workspace/copy-tree.ts';
import { git } from '../workspace/git.ts';
import { walkTree, type WalkedEntry } from '../workspace/walk-tree.ts';
import type { PreparedWorkspace } from '../workspace/workspace.ts';
import type { Context } from './context.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths } from './store.ts';
import type { StoredWorkspace } from './workspaces.ts';

export interface BackupPart {
  /** In the archive. */
  directory: string;
  /** For people, before a path in it. */
  title: string;
  walk(onSkipped: (skipped: SkippedFile) => void): AsyncGenerator<WalkedEntry>;
}

/** `scratch`: an own directory, for what has to be laid together first. */
export async function backupParts(
  context: Context,
  spec: CageSpec,
  workspaces: readonly StoredWorkspace[],
  scratch: string,
): Promise<BackupPart[]> {
  const parts: BackupPart[] = [];
  if (spec.profile === undefined) parts.push(plain('home', 'home', cagePaths(context, spec.name).home));
  const { bus, messages } = cagePaths(context, spec.name);
  if (pathExists(messages)) parts.push(plain('messages', 'messages', messages, (path) => !isMessageFile(path)));
  if (pathExists(bus)) parts.push(plain('bus', 'mail inside', bus));
  for (const [index, { dir, workspace }] of workspaces.entries()) {
    if (workspace.strategy === 'mount') continue;
    parts.push(await treePart(`trees/${index}`, dir, workspace, join(scratch, `objects-${index}`)));
  }
  return parts;
}

/** What is kept of messages; nothing else has a place in a backup. */
export function isMessageFile(path: string): boolean {
  return /^(?:journal\.jsonl|delivered\.json|cursors|cursors\/[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.json)$/.test(path);
}

function plain(
  directory: string,
  title: string,
  top: string,
  skip: (path: BytePath) => boolean = () => false,
): BackupPart {
  const layers = [top] as const;
  return {
    directory,
    title,
    walk: (onSkipped) => walkTree({ layers, overlay: false, skip, onSkipped, maxDepth: MAX_DEPTH - 2 }),
  };
}

async function treePart(
  directory: string,
  dir: string,
  { strategy, directories, projectRoot, maskedPaths, extraReadOnlyBinds, base }: PreparedWorkspace,
  scratch: string,
): Promise<BackupPart> {
  const objects = await gatherObjects(
    extraReadOnlyBinds.map(({ source }) => source),
    scratch,
  );
  const masked = new Set(maskedPaths.map((path) => fromText(path.slice(projectRoot.length + 1))));
  const alternates = '.git/objects/info/alternates';
  const overlay = strategy === 'overlay';
  const isBackup = overlay ? await backupsBelow(base, directories.upper) : () => false;
  return {
    directory,
    title: dir === '' ? 'the project' : dir,
    walk: (onSkipped) =>
      walkTree({
        layers: overlay
          ? [directories.upper, ...(objects === undefined ? [] : [objects]), projectRoot]
          : [directories.tree],
        overlay,
        skip: (path) => masked.has(path) || (objects !== undefined && path === alternates) || isBackup(path),
        onSkipped,
        maxDepth: MAX_DEPTH - 2,
      }),
  };
}

const BACKUP = /\.ironcage(?:\.tar\.gz|-partial)$/;

/**
 * Backups that came into the project after the cage was made: they show through from there, and are no part of the next one. What is in the
 * base, or the cage's own, is not one of them, whatever its name.
 */
async function backupsBelow(base: Base, upper: string): Promise<(path: BytePath) => boolean> {
  const { stdout } = await git(['ls-tree', '-r', '-z', '--name-only', base.tree], { gitDir: base.gitDir });
  const own = new Set(splitRecords(stdout).filter((path) => BACKUP.test(path)));
  return (path) =>
    BACKUP.test(path) && !own.has(path) && lstatSync(below(upper, path), { throwIfNoEntry: false }) === undefined;
}

/** Objects that the cage's repository reads elsewhere on this machine, laid out as a layer below it. */
async function gatherObjects(sources: readonly string[], scratch: string): Promise<string | undefined> {
  const present = sources.filter(pathExists);
  if (present.length === 0) return undefined;
  const target = join(scratch, '.git', 'objects');
  mkdirSync(target, { recursive: true, mode: 0o700 });
  for (const source of present) {
    const env = { PATH: hostEnvironment()['PATH'], LC_ALL: 'C' };
    const linked = await run('cp', ['--recursive', '--link', '--', `${source}/.`, target], { env });
    if (linked.exitCode === 0) continue;
    const copied = await run('cp', ['--recursive', '--', `${source}/.`, target], { env });
    if (copied.exitCode !== 0) throw new Error(`objects of the project cannot be read: ${copied.stderr.trim()}`);
  }
  return scratch;
}
