// What copying a cage's files out would do to a directory of the host, before anything is done. Nothing is merged: a file there that is
// neither what the base was nor what the cage has is somebody's work, and keeps the whole export from being made.
import { join } from 'node:path';
import { pathExists } from '../platform/files.ts';
import { identify } from './apply-steps.ts';
import type { BaseStore } from './base-store.ts';
import { splitRecords, toText, type BytePath } from './byte-path.ts';
import { recordOpenCage } from './cage-tree.ts';
import type { SkippedFile } from './copy-tree.ts';
import { git } from './git.ts';
import { guardChange, type HostExecutableFile } from './guard-change.ts';
import { ignoredOnHost } from './host-ignored.ts';
import { hostGitRuns } from './host-git-runs.ts';
import { openLeadsOut } from './host-links.ts';
import { findObstacles, type HostWrite } from './host-tree.ts';
import type { Conflict } from './merge-trees.ts';
import { hostWrites } from './plan-apply.ts';
import { withOpenWorkspace, type OpenWorkspace } from './open-workspace.ts';
import { readProtection } from './protected-files.ts';
import { projectLinks } from './project-links.ts';
import { openStatCache, TARGET_CACHE } from './stat-cache.ts';
import { openTarget, type Present, type TargetFiles } from './target-files.ts';
import { diffFile, diffTrees, type DiffFile, type TreeSide } from './tree-diff.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

export interface ExportWish {
  /** Absolute, links resolved as far as it is there. Absent: the project, which only needs what changed. */
  target?: string | undefined;
  includeIgnored: boolean;
  /** Files that the cage deleted are deleted in the target too. */
  deletes: boolean;
  protect: readonly string[];
  force: boolean;
}

/** One file of the target; `seen` as its Step has it. */
export interface ExportWrite extends HostWrite {
  seen: string | undefined;
}

export interface ExportPlan {
  workspace: PreparedWorkspace;
  root: string;
  /** Tree of the cage's work in the store. */
  work: string;
  writes: readonly ExportWrite[];
  /** What the agent changed, as far as it would be written or deleted. */
  files: readonly DiffFile[];
  /** Files to be written that the agent did not change. */
  unchanged: number;
  hostExecutable: readonly HostExecutableFile[];
  conflicts: readonly Conflict[];
  /** Files that the cage deleted and the target still has; they stay there. */
  wouldDelete: readonly string[];
  protectedFiles: readonly string[];
  /** What stays in the cage, and why. */
  skipped: readonly SkippedFile[];
}

/** Touches nothing of the host. */
export function planExport(workspace: PreparedWorkspace, wish: ExportWish): Promise<ExportPlan> {
  return withOpenWorkspace(workspace, (open) => planOpen(open, wish));
}

async function planOpen(open: OpenWorkspace, wish: ExportWish): Promise<ExportPlan> {
  const { workspace, store, project } = open;
  const root = wish.target ?? project.root;
  // The first of two looks is what is remembered as exported: what the agent writes in between counts as work that was not.
  const work = await recordOpenCage(open);
  const { tree: cage, skipped } = wish.includeIgnored ? await recordOpenCage(open, wish) : work;
  const settings = await open.settings;
  const differences = await diffTrees(store, workspace.base.tree, cage);
  const changed = hostWrites(differences);
  const wanted = wish.target === undefined ? changed : await wholeTree(workspace, cage, changed);

  const added = changed.filter(({ before, after }) => before === undefined && after !== undefined);
  const ignored = wish.includeIgnored ? new Set() : ignoredOnHost(project, settings, added.map(({ path }) => path)); // prettier-ignore
  const outside = await leadingOut(store, cage, wanted, root);
  const isProtected = readProtection([project.root, root], wish.protect);
  const found = new Findings(wish);
  const isThere = pathExists(root);
  const look = isThere ? openLook(workspace, root, wish) : undefined;
  try {
    for (const write of wanted) {
      const { path, after } = write;
      if (ignored.has(path)) found.skip(path, 'git ignores it in the project');
      else if (outside.has(path) && after !== undefined) found.skip(path, 'it is a link that leads out');
      else {
        const present = look?.lookAt(path) ?? NOTHING;
        found.judge(write, present, isProtected);
      }
    }
  } finally {
    look?.close();
  }
  const { writes, conflicts, wouldDelete, protectedFiles } = found;
  if (isThere) conflicts.push(...findObstacles(root, writes));
  const written = new Set(writes.map(({ path }) => path));
  const shown = differences.filter(({ bytes, after }) => written.has(bytes.path) || (after !== undefined && bytes.from !== undefined && written.has(bytes.from))); // prettier-ignore
  const hostExecutable = await guardChange(store, cage, shown, { root, runs: hostGitRuns(project, settings) });
  const ofAgent = new Set(changed.map(({ path }) => path));
  return {
    ...{ workspace, root, work: work.tree, writes, conflicts, hostExecutable },
    files: shown.map(diffFile),
    unchanged: writes.filter(({ path }) => !ofAgent.has(path)).length,
    wouldDelete,
    protectedFiles,
    skipped: [...skipped, ...found.skipped],
  };
}

/** Of another directory every file is looked at: those that it had at the last export, which this cage remembers. */
function openLook({ base, storeDirectory }: PreparedWorkspace, root: string, { target }: ExportWish): TargetFiles {
  if (target === undefined) return openTarget(root, base.objectFormat);
  const file = join(workspaceDirectory(storeDirectory), TARGET_CACHE);
  const cache = openStatCache(file, BigInt(Date.now()) * 1_000_000n, root);
  const files = openTarget(root, base.objectFormat, cache);
  return {
    lookAt: (path) => files.lookAt(path),
    close: () => {
      files.close();
      cache.save();
    },
  };
}

const NOTHING: Present = { kind: 'nothing' };

/** What is to become of each file, and why. */
class Findings {
  readonly writes: ExportWrite[] = [];
  readonly conflicts: Conflict[] = [];
  readonly wouldDelete: string[] = [];
  readonly protectedFiles: string[] = [];
  readonly skipped: SkippedFile[] = [];
  readonly #wish: ExportWish;

  constructor(wish: ExportWish) {
    this.#wish = wish;
  }

  skip(path: BytePath, reason: string): void {
    this.skipped.push({ path: toText(path), reason });
  }

  /** `write.before` is what the base has. */
  judge(write: HostWrite, present: Present, isProtected: (path: BytePath) => boolean): void {
    const { path, before, after } = write;
    const side = present.kind === 'file' ? present.side : undefined;
    if (present.kind === 'nothing' ? after === undefined : isSame(side, after)) return;
    // A directory with all its files has its own names in the list: one in the way of a file is seen as an obstacle.
    if (present.kind === 'directory' && after === undefined) return;
    if (isProtected(path)) this.protectedFiles.push(toText(path));
    else if (after === undefined && !this.#wish.deletes) this.wouldDelete.push(toText(path));
    else {
      const why = this.#changedThere(before, present);
      if (why !== undefined && (!this.#wish.force || present.kind === 'other'))
        this.conflicts.push({ path: toText(path), kind: why });
      else
        this.writes.push({ path, before: side, after, seen: 'seen' in present ? identify(present.seen) : undefined });
    }
  }

  #changedThere(base: TreeSide | undefined, present: Present): string | undefined {
    switch (present.kind) {
      case 'nothing':
        return base === undefined || this.#wish.target !== undefined ? undefined : 'deleted there since the base';
      case 'directory':
        return undefined;
      case 'other':
        return 'no file';
      case 'file':
        if (base === undefined) return 'exists';
        return isSame(present.side, base) ? undefined : 'changed there since the base';
      default:
        return present satisfies never;
    }
  }
}

function isSame(one: TreeSide | undefined, other: TreeSide | undefined): boolean {
  return one !== undefined && one.oid === other?.oid && one.mode === other.mode;
}

/** Every file of the cage, and those that it deleted. */
async function wholeTree(
  { base }: PreparedWorkspace,
  cage: string,
  changed: readonly HostWrite[],
): Promise<HostWrite[]> {
  const { stdout } = await git(['ls-tree', '-r', '-z', '--full-tree', cage], { gitDir: base.gitDir });
  const byPath = new Map(changed.map((write) => [write.path, write]));
  const all = splitRecords(stdout).flatMap((record): HostWrite[] => {
    const tab = record.indexOf('\t');
    const path = record.slice(tab + 1);
    const [mode = '', kind, oid = ''] = record.slice(0, tab).split(' ');
    const side = { mode, oid };
    return kind === 'blob' ? [byPath.get(path) ?? { path, before: side, after: side }] : [];
  });
  return [...all, ...changed.filter(({ after }) => after === undefined)];
}

/** Also by way of another link, of the cage’s or of what lies in the target. */
async function leadingOut(
  store: BaseStore,
  cage: string,
  writes: readonly HostWrite[],
  root: string,
): Promise<Set<BytePath>> {
  const links = writes.filter(({ after }) => after?.mode === '120000');
  if (links.length === 0) return new Set();
  const all = await projectLinks(store, cage);
  const leadsOut = openLeadsOut(all, root);
  const leads = ({ path }: HostWrite): boolean => {
    const target = all.get(path);
    return target === undefined || leadsOut(path, target);
  };
  return new Set(links.filter(leads).map(({ path }) => path));
}

/** Splits what would be written into what is taken and what the user leaves out, by their paths as shown. */
export function withoutRefused(
  plan: ExportPlan,
  refused: ReadonlySet<string>,
): { writes: readonly ExportWrite[]; leftOut: readonly string[] } {
  const gone = new Set(
    plan.files.flatMap(({ path, from }) => (refused.has(path) ? [path, ...(from === undefined ? [] : [from])] : [])),
  );
  return {
    writes: plan.writes.filter(({ path }) => !gone.has(toText(path))),
    leftOut: plan.files.flatMap(({ path }) => (refused.has(path) ? [path] : [])),
  };
}
