// A server on the host that nobody in a cage may reach: whatever it sees besides the visits of the host itself is a hole.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';

export interface Canary {
  port: number;
  /** What only the host says, so that its own visits are known. */
  token: string;
  addresses: readonly string[];
  hostname: string;
  /** The control: visits itself at every address; those where it was not seen. */
  visit(): Promise<readonly string[]>;
  /** What others have done here, in words. */
  seen(): readonly string[];
  close(): void;
}

const VISIT_MS = 2000;
/** More is not needed to see that addresses of the host are out of reach. */
const MOST_ADDRESSES = 6;

export async function openCanary(): Promise<Canary> {
  const token = randomBytes(16).toString('hex');
  const own = Buffer.from(randomBytes(16).toString('hex'));
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    // A stranger's until it has said what only we know.
    const visit = `a connection from ${socket.remoteAddress ?? 'somewhere'}`;
    seen.push(visit);
    sockets.add(socket);
    let text = '';
    socket.on('data', (bytes) => {
      if (text.length >= own.length) return;
      text += bytes.toString('latin1');
      if (text !== own.toString('latin1')) return;
      seen.splice(seen.indexOf(visit), 1);
      socket.end(own);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  // What it would have seen is not known then: that is no silence.
  const onFault = (error: Error): void => void seen.push(`an error of its own: ${error.message}`);
  const port = await listen(server, onFault);
  const onMessage = (from: string): void => void seen.push(`a datagram from ${from}`);
  const datagrams = await openDatagrams(port, onMessage, onFault).catch((error: unknown) => {
    server.close();
    throw error;
  });
  const addresses = hostAddresses();
  return {
    port,
    token,
    addresses,
    hostname: hostname(),
    async visit() {
      const answered = await Promise.all(addresses.map((address) => call(address, port, own)));
      return addresses.filter((_address, index) => answered[index] !== true);
    },
    seen: () => seen,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      for (const socket of datagrams) socket.close();
    },
  };
}

/** Loopback of both families where there are two, and what the host's interfaces have. */
function hostAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  // Link-local addresses need an interface beside them and mean nothing elsewhere.
  const plain = all.filter(({ address }) => !address.startsWith('fe80')).map(({ address }) => address);
  return [...new Set(plain)].slice(0, MOST_ADDRESSES);
}

function listen(server: Server, onFault: (error: Error) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: hasIpv6() ? '::' : '0.0.0.0' }, () => {
      server.off('error', reject).on('error', onFault);
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
      else reject(new Error('the canary has no port'));
    });
  });
}

function hasIpv6(): boolean {
  return hostAddresses().some((address) => address.includes(':'));
}

/** Either all of them are open or none. */
async function openDatagrams(
  port: number,
  onMessage: (from: string) => void,
  onFault: (error: Error) => void,
): Promise<UdpSocket[]> {
  const sockets: UdpSocket[] = [];
  try {
    for (const type of hasIpv6() ? (['udp4', 'udp6'] as const) : (['udp4'] as const)) {
      const socket = createSocket({ type, ipv6Only: type === 'udp6' });
      sockets.push(socket);
      await bind(socket, port);
      socket.on('error', onFault);
      socket.on('message', (_bytes, { address }) => onMessage(address));
    }
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

function bind(socket: UdpSocket, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

function call(address: string, port: number, word: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port, timeout: VISIT_MS }, () => socket.write(word));
    socket.on('data', (bytes) => {
      socket.destroy();
      resolve(bytes.equals(word));
    });
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(false));
  });
}
