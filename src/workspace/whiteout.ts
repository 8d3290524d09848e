// Hides a path of an overlay's lower layer: a character device 0/0 in the upper one. An ordinary user may make these since
// Linux 5.8; where that fails, the caller is told which paths the backend has to cover instead.
import { linkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { hostEnvironment } from '../platform/environment.ts';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { run } from '../platform/processes.ts';

/** The first one, which the others are further names of; undefined where it could not be made. */
export interface Whiteout {
  device: string | undefined;
}

export async function makeWhiteout(directory: string): Promise<Whiteout> {
  const device = join(directory, 'whiteout');
  return { device: (await makeDevice(device)) ? device : undefined };
}

/**
 * Puts a whiteout at each absolute path (parents exist); returns those for which it could not. `made`: the first one, where it is there
 * already; it goes.
 */
export async function makeWhiteouts(directory: string, paths: readonly Buffer[], made?: Whiteout): Promise<Buffer[]> {
  if (paths.length === 0 && made === undefined) return [];
  const { device: first } = made ?? (await makeWhiteout(directory));
  if (first === undefined) return [...paths];
  const failed: Buffer[] = [];
  // One device with many names, as the kernel itself does it: one process however many paths.
  for (const path of paths) {
    try {
      linkSync(first, path);
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      failed.push(path);
    }
  }
  unlinkSync(first);
  return failed;
}

async function makeDevice(path: string): Promise<boolean> {
  try {
    const made = await run('mknod', [path, 'c', '0', '0'], { env: { PATH: hostEnvironment()['PATH'], LC_ALL: 'C' } });
    return made.exitCode === 0;
  } catch (error) {
    if (error instanceof IronError && error.code === 'E_TOOL_MISSING') return false;
    throw error;
  }
}
