// Connections to upstreams: an idle one that is known to be clean, or a new one. A connection comes back only after a whole
// exchange with nothing left to read; whatever is not sure about one ends it.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { ByteReader } from './byte-reader.ts';
import type { EgressLimits } from './config.ts';
import type { Destination, Dial } from './dial.ts';
import { http1Link } from './http1-link.ts';
import type { Http2Upstream } from './http2-link.ts';
import type { UpstreamConnection } from './upstream-connection.ts';
import type { UpstreamLink } from './upstream-link.ts';

export interface UpstreamOptions {
  dial: Dial;
  limits: EgressLimits;
}

interface UpstreamWish {
  /** 0: a new connection. */
  maxIdleMs: number;
  /** The version that suits the client; the upstream has the last word. */
  version: '1.1' | '2';
}

export interface Upstreams {
  /** A link over a connection that was idle for at most `maxIdleMs`, or over a new one. Throws a Refusal. */
  open(destination: Destination, wish: UpstreamWish): Promise<UpstreamLink>;
  /** A plain TCP connection of its own, for bytes that are not looked into. Throws a Refusal. */
  openRaw(destination: Destination): Promise<UpstreamConnection>;
  closeIdle(): void;
}

/** Idle connections are kept so long. */
export const POOL_IDLE_MS = 30_000;
const MAX_IDLE = 256;
const MAX_IDLE_PER_KEY = 32;
const MAX_REMEMBERED = 10_000;

export function createUpstreams({ dial, limits }: UpstreamOptions): Upstreams {
  const idle = new Map<string, UpstreamConnection[]>();
  let idleCount = 0;
  let sweeping: NodeJS.Timeout | undefined;
  const sessions = new Map<string, Http2Upstream[]>();
  /** One at a time for a key: a hundred requests of one moment share what the first one finds. */
  const dialling = new Map<string, Promise<UpstreamLink>>();
  /** Keys whose upstream chose HTTP/1.1 when it was offered both. */
  const speakHttp1 = new Set<string>();

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
      // Bytes that nobody asked for would be taken for the answer to the next request.
      if (connection.reader.isOpen && !connection.reader.hasBytes) return connection;
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
    sweeping ??= setInterval(sweep, POOL_IDLE_MS / 2).unref();
  }

  /** One timer for all: setting one anew for every request would cost more than the request's own bookkeeping. */
  function sweep(): void {
    const now = performance.now();
    for (const list of idle.values()) {
      for (const connection of [...list]) {
        if (now - connection.idleSince < POOL_IDLE_MS) continue;
        forget(connection);
        connection.socket.destroy();
      }
    }
    if (idleCount > 0) return;
    clearInterval(sweeping);
    sweeping = undefined;
  }

  /** An HTTP/2 link where the upstream speaks it; undefined where it is known not to. */
  async function openHttp2(
    destination: Destination,
    key: string,
    maxIdleMs: number,
  ): Promise<UpstreamLink | undefined> {
    if (destination.scheme !== 'https' || speakHttp1.has(key)) return undefined;
    const usable = maxIdleMs === 0 ? undefined : sessions.get(key)?.find((session) => session.isUsable);
    if (usable !== undefined) return usable.link();
    const underWay = maxIdleMs === 0 ? undefined : dialling.get(key);
    if (underWay !== undefined) {
      await underWay.catch(() => undefined);
      return openHttp2(destination, key, maxIdleMs);
    }
    const dialled = dialBoth(destination, key).finally(() => dialling.delete(key));
    dialling.set(key, dialled);
    return await dialled;
  }

  async function dialBoth(destination: Destination, key: string): Promise<UpstreamLink> {
    const socket = await dial(destination, `${key} h2`, ['h2', 'http/1.1']);
    if (!(socket instanceof TLSSocket) || socket.alpnProtocol !== 'h2') {
      if (speakHttp1.size < MAX_REMEMBERED) speakHttp1.add(key);
      return http1Link(adopt(socket, key), limits, keep);
    }
    const { http2Upstream } = await import('./http2-link.ts');
    socket.setNoDelay(true);
    const list = sessions.get(key) ?? [];
    const session = http2Upstream(socket, limits, POOL_IDLE_MS, () => {
      list.splice(list.indexOf(session), 1);
      if (list.length === 0 && sessions.get(key) === list) sessions.delete(key);
    });
    sessions.set(key, list);
    list.push(session);
    return session.link();
  }

  return {
    async open(destination, { maxIdleMs, version }) {
      const key = poolKey(destination);
      const overHttp2 = version === '2' ? await openHttp2(destination, key, maxIdleMs) : undefined;
      if (overHttp2 !== undefined) return overHttp2;
      const connection = takeIdle(key, maxIdleMs) ?? adopt(await dial(destination, key), key);
      return http1Link(connection, limits, keep);
    },
    async openRaw(destination) {
      const key = poolKey(destination);
      return adopt(await dial({ ...destination, scheme: 'http' }, key), key);
    },
    closeIdle() {
      for (const list of idle.values()) for (const { socket } of list) socket.destroy();
      idle.clear();
      idleCount = 0;
      for (const session of [...sessions.values()].flat()) session.retire();
      speakHttp1.clear();
    },
  };
}

/** Everything that two requests must share to share a connection; a generation has one route for a host. */
function poolKey({ scheme, host, port, generation, private: isPrivate }: Destination): string {
  return `${generation} ${scheme} ${host} ${port} ${isPrivate ? 'private' : 'public'}`;
}
