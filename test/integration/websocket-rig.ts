// A WebSocket relay between real sockets without an egress around it: hands a client's handshake on and relays what follows.
import { createServer, type IncomingMessage } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ByteReader } from '../../src/egress/byte-reader.ts';
import type { Field } from '../../src/egress/fields.ts';
import { readHead } from '../../src/egress/read-head.ts';
import { malformed } from '../../src/egress/refusal.ts';
import { parseRequestHead } from '../../src/egress/request-head.ts';
import { parseResponseHead } from '../../src/egress/response-head.ts';
import {
  acceptanceFields,
  agreedFields,
  checkAcceptance,
  createHandshake,
  handshakeFields,
} from '../../src/egress/websocket-handshake.ts';
import { relayWebSocket, type WebSocketEnd, type WebSocketRelay } from '../../src/egress/websocket-relay.ts';
import { portOf } from './egress-rig.ts';

export interface Relay {
  port: number;
  /** How the sockets ended, in the order in which they did. */
  ends: WebSocketEnd[];
  close(): Promise<void>;
}

const LIMITS = { maxHeadBytes: 8192, maxHeaders: 50 };

/** `look`: what there is besides the relaying; asked anew for each socket. */
export async function startRelay(
  upstreamPort: number,
  look: () => Partial<WebSocketRelay> = () => ({}),
): Promise<Relay> {
  const ends: WebSocketEnd[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer();
  server.on('upgrade', (incoming: IncomingMessage, client: Duplex, first: Buffer) => {
    const upstream = createConnection({ port: upstreamPort, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
    }
    client.unshift(first);
    relayOver(incoming, client, upstream, look()).then(
      (end) => ends.push(end),
      () => client.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server),
    ends,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function relayOver(
  incoming: IncomingMessage,
  client: Duplex,
  upstream: Socket,
  look: Partial<WebSocketRelay>,
): Promise<WebSocketEnd> {
  const lines = incoming.rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [`${name}: ${incoming.rawHeaders[index + 1] ?? ''}`] : [],
  );
  const asked = parseRequestHead(
    Buffer.from([`GET ${incoming.url ?? ''} HTTP/1.1`, ...lines, '', ''].join('\r\n')),
    LIMITS,
  );
  const own = createHandshake();
  const kept = handshakeFields(asked.fields).filter(({ name }) => name.startsWith('sec-'));
  upstream.write(head(`GET ${incoming.url ?? ''} HTTP/1.1`, [...own.fields, ...kept], ['Host: h']));
  const reader = new ByteReader(upstream);
  const answer = await readHead(reader, {
    maxBytes: 8192,
    timeoutMs: 5000,
    fault: malformed,
    onTimeout: () => upstream.destroy(),
  });
  if (answer === undefined) throw new Error('no answer');
  const response = parseResponseHead(answer, LIMITS);
  const extensions = checkAcceptance(response, own, asked);
  const fields = agreedFields(response.fields, extensions).filter(({ name }) => name.startsWith('sec-'));
  client.write(head('HTTP/1.1 101 Switching Protocols', [...acceptanceFields(asked), ...fields], []));
  return relayWebSocket({
    client: { reader: new ByteReader(client), sink: client },
    upstream: { reader, sink: upstream },
    extensions,
    inspectOut: () => undefined,
    redactor: undefined,
    captured: undefined,
    onBytes: () => undefined,
    ...look,
  });
}

function head(first: string, fields: readonly Field[], more: readonly string[]): string {
  return [first, ...more, ...fields.map(({ spelled, value }) => `${spelled}: ${value}`), '', ''].join('\r\n');
}
