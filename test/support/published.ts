// Connections to a published port, as a program of this machine makes them, and a server for the inside of a cage that answers
// only when its client has said all: it sends back what it got, with its own name before it.
import { connect, createServer, type Socket } from 'node:net';

/** For the machine's Python: on ADDRESS and PORT, says NAME. */
export function servingScript(port: number, name: string, address = '127.0.0.1'): string {
  const family = address.includes(':') ? 'AF_INET6' : 'AF_INET';
  return `import os, socket, socketserver
class Server(socketserver.ThreadingTCPServer):
    address_family, allow_reuse_address, daemon_threads, request_queue_size = socket.${family}, True, True, 128
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        got = self.rfile.read()
        self.wfile.write(b'${name}:' + got)
server = Server(('${address}', ${port}), Handler)
if os.fork() == 0:
    os.setsid()
    [os.dup2(os.open('/dev/null', os.O_RDWR), fd) for fd in (0, 1, 2)]
    server.serve_forever()
`;
}

export interface Answer {
  text: string;
  /** How the connection ended. */
  end: 'closed' | 'reset' | 'refused';
}

/** Says something to a port of this machine, ends its half, and reads to the end. */
export function ask(port: number, said: string | Buffer, host = '127.0.0.1'): Promise<Answer> {
  return new Promise((settle) => {
    const chunks: Buffer[] = [];
    const done = (end: Answer['end']): void => settle({ text: Buffer.concat(chunks).toString('latin1'), end });
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.once('end', () => done('closed'));
    socket.once('error', (error) => done('code' in error && error.code === 'ECONNREFUSED' ? 'refused' : 'reset'));
    socket.end(said);
  });
}

/** A connection that stays. */
export async function keepConnected(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await new Promise<void>((connected, reject) => socket.once('connect', connected).once('error', reject));
  return socket;
}

/** Ends the half of a connection and reads what comes until the other half ends as well. */
export async function finish(socket: Socket): Promise<string> {
  socket.end();
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('latin1');
}

/** A port of this machine that another program holds until it is closed. */
export async function takePort(): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const end = server.address();
  if (typeof end !== 'object' || end === null) throw new Error('the server has no port');
  return { port: end.port, release: () => new Promise((closed) => server.close(() => closed())) };
}
