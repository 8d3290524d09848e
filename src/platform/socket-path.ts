// Unix sockets in deep directories: the kernel takes 107 bytes of path at most, so a longer one is reached through an open
// handle of its directory.
import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** sizeof(sun_path) less its closing NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

export interface SocketPath {
  /** What to give to listen or connect. */
  readonly path: string;
  /** To be called once that has happened. */
  readonly release: () => void;
}

export function openSocketPath(path: string): SocketPath {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return { path, release: () => undefined };
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${directory}/${basename(path)}`, release: () => closeSync(directory) };
}
