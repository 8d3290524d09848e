// Two connections made one, as programs beside a cage do it: every byte passed on, none looked at, each side's end for itself.
import { connect, type NetConnectOpts, type Socket } from 'node:net';

const DIAL_MS = 10_000;
/** A peer that vanished without a word is found out. */
const KEEP_ALIVE_MS = 60_000;

/** What programs inside call this machine. */
const INSIDE = ['127.0.0.1', '::1'] as const;

/** `reach` gives the other side, or undefined when there is none: then the client is cut off at once. */
export async function joinSockets(client: Socket, reach: () => Promise<Socket | undefined>): Promise<void> {
  // Each side may end its half while the other still speaks.
  client.allowHalfOpen = true;
  client.setNoDelay(true);
  client.setKeepAlive(true, KEEP_ALIVE_MS);
  let inner: Socket | undefined;
  client.on('error', () => inner && cut(inner));
  inner = await reach();
  if (inner === undefined || client.destroyed) {
    if (inner !== undefined) cut(inner);
    cut(client);
    return;
  }
  inner.on('error', () => cut(client));
  client.pipe(inner);
  inner.pipe(client);
}

/** So that the other end takes nothing half for whole. A unix socket knows no reset. */
function cut(socket: Socket): void {
  if (socket.remotePort === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/** A port of the network that this program is in; undefined when nobody answers there. */
export async function dialInside(port: number): Promise<Socket | undefined> {
  for (const host of INSIDE) {
    const socket = await dial({ host, port, noDelay: true });
    if (socket !== undefined) return socket;
  }
  return undefined;
}

/** Undefined when nobody answers there. */
export function dial(where: NetConnectOpts): Promise<Socket | undefined> {
  return new Promise((settle) => {
    const socket = connect({ ...where, allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    const timer = setTimeout(fail, DIAL_MS);
    function fail(): void {
      clearTimeout(timer);
      socket.destroy();
      settle(undefined);
    }
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      settle(socket);
    });
  });
}
