// The one number that tells whether an image is what would be built now: over everything that goes into it. What is left
// out here makes an image stale unseen.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface ImageInputs {
  /** The recipe's files, the Dockerfile among them, as readRecipeFiles gives them. */
  files: readonly RecipeFile[];
  /** Values of the Dockerfile's arguments, the user's own among them. */
  arguments: Readonly<Record<string, string>>;
  /** The engine's id of the parent image. */
  parentId: string;
  /** What is fetched, each as name, version and checksum. */
  pins: readonly string[];
  /** Such as `linux/amd64`. */
  platform: string;
}

export interface RecipeFile {
  /** Relative to the recipe's directory. */
  path: string;
  executable: boolean;
  /** Of a link: where it leads; of a directory: nothing. */
  sha256: string;
}

/** All that is in a directory, in an order that no file system decides. Links are not followed. */
export function readRecipeFiles(directory: string): RecipeFile[] {
  return walk(directory, '').sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Node's own recursion follows links. */
function walk(directory: string, below: string): RecipeFile[] {
  return readdirSync(join(directory, below), { withFileTypes: true }).flatMap((entry): RecipeFile[] => {
    const path = join(below, entry.name);
    const full = join(directory, path);
    if (entry.isDirectory()) return [{ path: `${path}/`, executable: false, sha256: '' }, ...walk(directory, path)];
    if (entry.isSymbolicLink()) return [{ path, executable: false, sha256: `link ${readlinkSync(full)}` }];
    const sha256 = createHash('sha256').update(readFileSync(full)).digest('hex');
    return [{ path, executable: (statSync(full).mode & 0o111) !== 0, sha256 }];
  });
}

/** 64 hexadecimal digits. */
export function hashInputs(inputs: ImageInputs): string {
  const text = JSON.stringify([
    inputs.files.map(({ path, executable, sha256 }) => [path, executable, sha256]),
    Object.entries(inputs.arguments).sort(([a], [b]) => (a < b ? -1 : 1)),
    inputs.parentId,
    [...inputs.pins].sort(),
    inputs.platform,
  ]);
  return createHash('sha256').update(text).digest('hex');
}
