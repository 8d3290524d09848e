// One HTTP/1.1 connection to an upstream, in use or idle.
import type { Socket } from 'node:net';
import type { ByteReader } from './byte-reader.ts';

export interface UpstreamConnection {
  readonly socket: Socket;
  readonly reader: ByteReader;
  readonly key: string;
  /** Whether it has served an exchange before: it may have gone stale unnoticed. */
  reused: boolean;
  /** When it was last given back, in milliseconds of performance.now(). */
  idleSince: number;
}
