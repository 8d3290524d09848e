// Connections to upstreams: an idle one that is known to be clean, or a new one. A connection comes back only after a whole
// exchange with nothing left to read; whatever is not sure about one ends it.
import type { Socket } from 'node:net';
import { ByteReader } from './byte-reader.ts';
import type { EgressLimits } from './config.ts';
import type { Destination, Dial } from './dial.ts';
import { http1Link } from './http1-link.ts';
import type { UpstreamLink } from './upstream-link.ts';

export interface UpstreamConnection {
  readonly socket: Socket;
  readonly reader: ByteReader;
  readonly key: string;
  /** Whether it has served an exchange before: it may have gone stale unnoticed. */
  reused: boolean;
  /** When it was last given back, in milliseconds of performance.now(). */
  idleSince: number;
}

export interface UpstreamOptions {
  dial: Dial;
  limits: EgressLimits;
}

export interface UpstreamWish {
  /** 0: a new connection. */
  maxIdleMs: number;
  /** The version that suits the client; the upstream has the last word. */
  version: '1.1' | '2';
}

export interface Upstreams {
  /** A link over a connection that was idle for at most `maxIdleMs`, or over a new one. Throws a Refusal. */
  open(destination: Destination, wish: UpstreamWish): Promise<UpstreamLink>;
  closeIdle(): void;
}

/** Idle connections are kept so long. */
export const POOL_IDLE_MS = 30_000;
const MAX_IDLE = 256;
const MAX_IDLE_PER_KEY = 32;

export function createUpstreams({ dial, limits }: UpstreamOptions): Upstreams {
  const idle = new Map<string, UpstreamConnection[]>();
  let idleCount = 0;

  function forget(connection: UpstreamConnection): void {
    const list = idle.get(connection.key);
    const index = list?.indexOf(connection) ?? -1;
    if (list === undefined || index === -1) return;
    list.splice(index, 1);
    idleCount -= 1;
    if (list.length === 0) idle.delete(connection.key);
  }

  function takeIdle(key: string, maxIdleMs: number): UpstreamConnection | undefined {
    for (;;) {
      const connection = idle.get(key)?.at(-1);
      // The last one was given back last: if it is too old, all are.
      if (connection === undefined || performance.now() - connection.idleSince >= maxIdleMs) return undefined;
      forget(connection);
      connection.reader.onClosed = undefined;
      connection.socket.removeAllListeners('timeout');
      // Bytes that nobody asked for would be taken for the answer to the next request.
      if (connection.reader.isOpen && !connection.reader.hasBytes) {
        connection.socket.setTimeout(limits.idleTimeoutMs, () => connection.socket.destroy());
        return connection;
      }
      connection.socket.destroy();
    }
  }

  function adopt(socket: Socket, key: string): UpstreamConnection {
    socket.setNoDelay(true);
    socket.setTimeout(limits.idleTimeoutMs, () => socket.destroy());
    return { socket, reader: new ByteReader(socket), key, reused: false, idleSince: 0 };
  }

  /** Takes a connection back after a complete exchange with nothing left to read. */
  function keep(connection: UpstreamConnection): void {
    const { socket, reader, key } = connection;
    const list = idle.get(key) ?? [];
    if (!reader.isOpen || reader.hasBytes || idleCount >= MAX_IDLE || list.length >= MAX_IDLE_PER_KEY) {
      socket.destroy();
      return;
    }
    connection.reused = true;
    connection.idleSince = performance.now();
    idle.set(key, list);
    list.push(connection);
    idleCount += 1;
    const drop = () => {
      forget(connection);
      socket.destroy();
    };
    reader.onClosed = drop;
    socket.removeAllListeners('timeout');
    socket.setTimeout(POOL_IDLE_MS, drop);
  }

  return {
    async open(destination, { maxIdleMs }) {
      const key = poolKey(destination);
      const connection = takeIdle(key, maxIdleMs) ?? adopt(await dial(destination, key), key);
      return http1Link(connection, limits, keep);
    },
    closeIdle() {
      for (const list of idle.values()) for (const { socket } of list) socket.destroy();
      idle.clear();
      idleCount = 0;
    },
  };
}

/** Everything that two requests must share to share a connection. */
function poolKey(destination: Destination): string {
  const { scheme, host, port, route, generation } = destination;
  return JSON.stringify([generation, scheme, host, port, destination.private, route]);
}
