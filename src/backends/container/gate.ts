// The gate of a container: a program in the network of a cage whose engine lets nobody else into it. Hands every connection on
// to a unix socket of the egress, with the ends of it ahead, and each DNS packet as a query over TCP. Reads nothing of what
// passes; ends when it cannot open what it is told to.
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { endsOf, writeProxyHeader } from '../../egress/proxy-header.ts';
import type { ListenerRequest } from '../backend.ts';
import { GATE_ENTRANCE, readGatePort, tellAnswered } from '../host/gate-entrance.ts';
import { dial, dialInside, joinSockets } from '../host/join-sockets.ts';
import { openTcp, openUdp } from '../host/open-sockets.ts';

/** Where the sockets of the egress are seen, named by purpose. */
const SOCKETS = '/gate/sockets';

/** Above what the egress takes, which says why it refuses more. */
const MOST_CONNECTIONS = 2048;
const MOST_QUERIES = 256;
const QUERY_MS = 5_000;

async function openStream({ purpose, port }: ListenerRequest): Promise<void> {
  const server = await openTcp(port, { allowHalfOpen: true, pauseOnConnect: true });
  server.maxConnections = MOST_CONNECTIONS;
  server.on('connection', (client) => void handOn(client, purpose));
}

async function handOn(client: Socket, purpose: ListenerRequest['purpose']): Promise<void> {
  // Asked for now: of a client that is gone it is not known any more.
  const header = writeProxyHeader(endsOf(client));
  await joinSockets(client, async () => {
    const egress = header === undefined ? undefined : await dial({ path: `${SOCKETS}/${purpose}` });
    egress?.write(header ?? '');
    return egress;
  });
}

/** The way in: for what forwards a published port, and for nobody else. */
async function openEntrance(): Promise<void> {
  const path = `${SOCKETS}/${GATE_ENTRANCE}`;
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true });
  server.on('connection', (client) => void handIn(client));
  await new Promise<void>((listening, reject) => {
    server.once('error', reject);
    server.listen(path, listening);
  });
}

async function handIn(client: Socket): Promise<void> {
  // Until it is joined nobody else hears of it, and one client must not end the gate.
  client.on('error', () => undefined);
  const port = await readGatePort(client);
  await joinSockets(client, async () => {
    const inner = port === undefined ? undefined : await dialInside(port);
    if (inner !== undefined) tellAnswered(client);
    return inner;
  });
}

async function openPackets({ port }: ListenerRequest): Promise<void> {
  const socket = await openUdp(port);
  let open = 0;
  socket.on('error', () => undefined);
  socket.on('message', (packet, peer) => {
    // Whoever asks faster than it is answered asks again.
    if (open >= MOST_QUERIES || peer.port === 0) return;
    open += 1;
    const query = connect({ path: `${SOCKETS}/dns-tcp` });
    const local = { address: '::', port };
    const answer: Buffer[] = [];
    query.setTimeout(QUERY_MS, () => query.destroy());
    query.on('error', () => undefined);
    query.once('close', () => (open -= 1));
    query.on('data', (bytes: Buffer) => {
      answer.push(bytes);
      const whole = Buffer.concat(answer);
      if (whole.length < 2 || whole.length < whole.readUInt16BE() + 2) return;
      socket.send(whole.subarray(2, whole.readUInt16BE() + 2), peer.port, peer.address, () => undefined);
      query.destroy();
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(packet.length);
    query.write(writeProxyHeader({ local, peer: { address: peer.address, port: peer.port } }) ?? '');
    query.write(Buffer.concat([length, packet]));
  });
}

function open(name: string): Promise<void> {
  const [purpose, port] = name.split(':');
  switch (purpose) {
    case 'tcp':
    case 'proxy':
    case 'dns-tcp':
      return openStream({ purpose, port: Number(port) });
    case 'dns-udp':
      return openPackets({ purpose, port: Number(port) });
    case undefined:
    default:
      return Promise.reject(new Error(`no listener is ${name}`));
  }
}

Promise.all([openEntrance(), ...(process.argv[2] ?? '').split(',').map(open)]).then(
  () => process.stdout.write(`gate ${process.pid}\n`),
  (error: unknown) => {
    process.stderr.write(`gate: ${String(error)}\n`);
    process.exit(1);
  },
);
