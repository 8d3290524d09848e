// Sockets of this machine that published ports are heard on, and why one cannot be had. Until a forwarder has such a socket,
// whoever connects to it is cut off.
import { createServer, type Server } from 'node:net';
import { errorMessage, IronError, systemErrorCode } from '../platform/errors.ts';
import type { Context } from './context.ts';
import { formatEnd, formatPort, isSameEnd, type PublishedPort, type WantedPort } from './published-port.ts';
import { liveForwarders } from './published.ts';
import { listCageNames, readCageState } from './store.ts';

export interface HostListener {
  port: PublishedPort;
  server: Server;
}

/** All or none. Throws E_PORT that says who to ask. They do not keep this process from ending. */
export async function openHostListeners(context: Context, ports: readonly PublishedPort[]): Promise<HostListener[]> {
  const opened: HostListener[] = [];
  try {
    for (const port of ports) opened.push({ port, server: await listen(port.address, port.port) });
    return opened;
  } catch (error) {
    closeHostListeners(opened);
    const failed = ports[opened.length];
    throw failed === undefined ? error : refusedPort(context, failed, error);
  }
}

export function closeHostListeners(listeners: readonly HostListener[]): void {
  for (const { server } of listeners) server.close();
}

/** Throws E_PORT for the first that cannot be had now. */
export async function refuseTakenPorts(context: Context, ports: readonly PublishedPort[]): Promise<void> {
  closeHostListeners(await openHostListeners(context, ports));
}

/** Gives a port to what may have any. */
export async function choosePort(context: Context, wanted: WantedPort): Promise<PublishedPort> {
  const { address, port, cagePort } = wanted;
  if (port !== 'any') return { address, port, cagePort };
  try {
    const server = await listen(address, 0);
    const end = server.address();
    server.close();
    if (typeof end !== 'object' || end === null) throw new Error('it has no number');
    return { address, port: end.port, cagePort };
  } catch (error) {
    throw refusedPort(context, { address, port: 0, cagePort }, error);
  }
}

function listen(host: string, port: number): Promise<Server> {
  return new Promise((resolvePromise, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen({ host, port, exclusive: true, backlog: 511 }, () => resolvePromise(server.unref()));
  });
}

function refusedPort(context: Context, port: PublishedPort, error: unknown): IronError {
  const end = formatEnd(port.address, port.port);
  const refused = (message: string, because: string, hint: string): IronError =>
    new IronError('E_PORT', { message, because, hint, details: { port: formatPort(port) }, cause: error });
  switch (systemErrorCode(error) ?? '') {
    case 'EADDRINUSE': {
      const holder = cagePublishing(context, port);
      const elsewhere = `publish it elsewhere (0:${port.cagePort} takes any free port), or publish it no more: ironcage ports CAGE rm ${port.port}`;
      return holder === undefined
        ? refused(
            `${end} of this machine is taken`,
            `another program listens there; \`ss -ltnp sport = :${port.port}\` shows which`,
            `end that program, ${elsewhere}`,
          )
        : refused(
            `${end} of this machine is taken`,
            `the cage ${holder} publishes a port there`,
            `stop that cage (ironcage stop ${holder}), ${elsewhere}`,
          );
    }
    case 'EACCES':
      return refused(
        `this user may not listen at ${end}`,
        'the first ports of a machine, below 1024 unless it is set otherwise, are root’s',
        `publish it higher: ${port.port + 8000}:${port.cagePort}`,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return refused(
        `${port.address} is no address of this machine`,
        errorMessage(error),
        'leave the address out for 127.0.0.1, or name one of those that `ip address` shows',
      );
    default:
      return refused(`this machine does not let us listen at ${end}`, errorMessage(error), 'try another port');
  }
}

/** A cage of this data root; those of others are programs like any other. */
function cagePublishing(context: Context, port: PublishedPort): string | undefined {
  return listCageNames(context).find((name) => {
    try {
      return liveForwarders(readCageState(context, name)).some((forwarder) => isSameEnd(forwarder, port));
    } catch {
      // A state that cannot be read names nobody; `doctor` tells of it.
      return false;
    }
  });
}
