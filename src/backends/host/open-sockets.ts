// Sockets that answer for every address of the network they are opened in. For programs that run beside a cage: nothing but Node
// is imported here.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type ServerOpts } from 'node:net';

/** On every address of this network. */
export async function openTcp(port: number, options: ServerOpts): Promise<Server> {
  const server = createServer(options);
  await new Promise<void>((listening, reject) => {
    server.once('error', reject);
    // Both families on one socket; where the machine has no IPv6, IPv4 alone.
    server.listen({ host: '::', port, backlog: 511 }, listening);
  }).catch((error: unknown) => {
    // Any other failure, such as a port that a program of the cage holds, is not to be got around.
    if (!isWithoutIpv6(error)) throw error;
    return new Promise<void>((listening, reject) => {
      server.once('error', reject);
      server.listen({ host: '0.0.0.0', port, backlog: 511 }, listening);
    });
  });
  return server;
}

function isWithoutIpv6(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL' || code === 'EINVAL';
}

export async function openUdp(port: number): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  await new Promise<void>((bound, reject) => {
    socket.once('error', reject);
    socket.bind({ port, address: '0.0.0.0', exclusive: true }, bound);
  });
  return socket;
}
