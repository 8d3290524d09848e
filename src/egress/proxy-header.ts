// The line of the PROXY protocol, version 1 (haproxy, doc/proxy-protocol.txt), by which the gate of a container tells where a
// connection of the cage came from and where it went: on the unix socket between them neither is known. Only what our own
// gate writes is read; anything else ends the connection.
import { isIP, type Socket } from 'node:net';

export interface SocketEnd {
  readonly address: string;
  readonly port: number;
}

export interface ConnectionEnds {
  /** Where the client connected to. */
  readonly local: SocketEnd;
  /** Undefined for one that is gone already. */
  readonly peer: SocketEnd | undefined;
}

/** Of the specification, for the longest line there can be. */
const MOST_BYTES = 107;
const BEGINNING = 'PROXY TCP6 ';
const READ_MS = 5_000;

export function endsOf(socket: Socket): ConnectionEnds {
  const { localAddress = '', localPort = 0, remoteAddress, remotePort } = socket;
  const isKnown = remoteAddress !== undefined && remotePort !== undefined;
  return {
    local: { address: localAddress, port: localPort },
    peer: isKnown ? { address: remoteAddress, port: remotePort } : undefined,
  };
}

/** Undefined for a client that is gone already: its address is not known any more. */
export function writeProxyHeader({ local, peer }: ConnectionEnds): string | undefined {
  if (peer === undefined) return undefined;
  return `${BEGINNING}${peer.address} ${local.address} ${peer.port} ${local.port}\r\n`;
}

/** Takes the line off a connection that nobody has read from yet; rejects unless it is whole in time. */
export async function readProxyHeader(socket: Socket): Promise<ConnectionEnds> {
  const fields = (await readLine(socket)).slice(BEGINNING.length).split(' ');
  const [peerAddress = '', localAddress = '', peerPort, localPort, ...more] = fields;
  const isWhole = isIP(peerAddress) !== 0 && isIP(localAddress) !== 0 && more.length === 0;
  if (!isWhole) throw new Error('a connection of the gate begins with another header');
  return {
    local: { address: localAddress, port: readPort(localPort) },
    peer: { address: peerAddress, port: readPort(peerPort) },
  };
}

function readPort(text = ''): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new Error('a header of the gate names no port');
  return port;
}

/** Reads as ByteReader does, which goes on where this ends: a stream that was paused would stay so. */
function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let read = '';
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      socket.off('readable', look);
      socket.off('end', gone);
      socket.off('close', gone);
      finish();
    };
    const fail = (because: string): void => settle(() => reject(new Error(because)));
    const gone = (): void => fail('a connection of the gate ended within its header');
    const timer = setTimeout(() => fail('a header of the gate took too long'), READ_MS);
    const look = (): void => {
      const bytes: unknown = socket.read();
      if (!Buffer.isBuffer(bytes)) return;
      read += bytes.toString('latin1');
      const end = read.indexOf('\r\n');
      if (
        !read.startsWith(BEGINNING.slice(0, read.length)) ||
        end > MOST_BYTES - 2 ||
        (end === -1 && read.length >= MOST_BYTES)
      ) {
        fail('a connection of the gate begins with another header');
      } else if (end !== -1) {
        settle(() => {
          const rest = Buffer.from(read.slice(end + 2), 'latin1');
          if (rest.length > 0) socket.unshift(rest);
          resolve(read.slice(0, end));
        });
      }
    };
    socket.once('end', gone);
    socket.once('close', gone);
    socket.on('readable', look);
    look();
  });
}
