// Where git stands inside a cage: the commit that its HEAD leads to, and where its objects lie. Read without git and without following a
// link; of an overlay the layer counts before the project below it.
import { closeSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { fromText } from './byte-path.ts';
import { openDirectory } from './directory-handle.ts';
import { lookAt } from './apply-steps.ts';
import { branchOf, readBelow, readGitPosition, tipOf } from './git-position.ts';
import { inspectProject } from './project.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

export interface CagePosition {
  tip: string;
  /** Full name of the branch that is checked out; undefined: HEAD is a commit. */
  branch: string | undefined;
  /** Directory of the objects that the cage made. */
  objects: string;
}

const MAX_SMALL_BYTES = 4096;
const MAX_LIST_BYTES = 64 * 2 ** 20;
const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Undefined for a cage without a repository or without any commit. */
export async function cagePosition(workspace: PreparedWorkspace): Promise<CagePosition | undefined> {
  const { strategy, directories, storeDirectory } = workspace;
  switch (strategy) {
    case 'copy':
      return positionIn(join(directories.tree, '.git'));
    case 'mount': {
      // Loaded here, with its schema: most cages have no mounted project.
      const { mountedGitDir, readGiven } = await import('./mounted-git.ts');
      const directory = workspaceDirectory(storeDirectory);
      const given = readGiven(directory);
      return given === undefined ? undefined : positionIn(mountedGitDir(directory, given));
    }
    case 'overlay':
      return positionInLayer(workspace);
    default:
      return strategy satisfies never;
  }
}

function positionIn(gitDir: string): CagePosition | undefined {
  if (!isDirectory(gitDir) || !isDirectory(join(gitDir, 'objects'))) return undefined;
  const position = readGitPosition(gitDir);
  const tip = tipOf(position);
  return tip === undefined ? undefined : { tip, branch: branchOf(position), objects: join(gitDir, 'objects') };
}

async function positionInLayer({ directories, projectRoot }: PreparedWorkspace): Promise<CagePosition | undefined> {
  const gitDir = join(directories.upper, '.git');
  const { git: repository } = await inspectProject(projectRoot);
  const head = readBelow(gitDir, 'HEAD', MAX_SMALL_BYTES)?.toString('latin1').trim();
  if (head === undefined || repository === undefined) return undefined;
  const branch = /^ref:[ \t]*(refs\/[^\0\n]+)$/.exec(head)?.[1];
  const tip = branch === undefined ? head : branchTip(gitDir, repository.commonDir, branch);
  if (tip === undefined || !OID.test(tip)) return undefined;
  return { tip, branch, objects: join(gitDir, 'objects') };
}

/** What the layer says of a branch, also that it is gone; else what shows through. */
function branchTip(gitDir: string, lower: string, branch: string): string | undefined {
  const own = readBelow(gitDir, branch, MAX_SMALL_BYTES)?.toString('latin1').trim();
  if (own !== undefined) return own;
  const below = isInLayer(gitDir, branch) ? undefined : readBelow(lower, branch, MAX_SMALL_BYTES);
  if (below !== undefined) return below.toString('latin1').trim();
  const packed = readBelow(gitDir, 'packed-refs', MAX_LIST_BYTES) ?? readBelow(lower, 'packed-refs', MAX_LIST_BYTES);
  const lines = packed?.toString('latin1').split('\n') ?? [];
  return lines.find((line) => line.endsWith(` ${branch}`))?.split(' ')[0];
}

function isInLayer(gitDir: string, path: string): boolean {
  const handle = openDirectory(gitDir);
  try {
    return lookAt(handle, fromText(path)) !== undefined;
  } finally {
    closeSync(handle);
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
