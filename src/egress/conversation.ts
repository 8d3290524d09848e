// One connection of a cage from its first byte to its last: find out what it speaks, take TLS off it, serve its requests
// one after the other. What it is not known to speak is recorded and cut. A fault here costs this connection only.
import type { Socket } from 'node:net';
import { isAddressLiteral } from '../policy/hosts.ts';
import type { TcpDestination } from '../policy/tcp.ts';
import { arrivalOf, type Arrival } from './arrival.ts';
import { parseAuthority, type Authority } from './authority.ts';
import { ByteReader } from './byte-reader.ts';
import { writeBytes } from './byte-writer.ts';
import { closeGently, type ClientConnection } from './client-connection.ts';
import { within } from './deadline.ts';
import { newAsked, serveExchange, toRefusal, type ExchangeServices } from './exchange.ts';
import { http1Stream } from './http1-stream.ts';
import type { Asked } from './journal.ts';
import type { Origin } from './judge.ts';
import type { LeafContexts } from './leaf.ts';
import { judgePassthrough, servePassthrough } from './passthrough.ts';
import type { ConnectionEnds } from './proxy-header.ts';
import { readHead } from './read-head.ts';
import { malformed, Refusal, unknownProtocol } from './refusal.ts';
import { refusalNote } from './refusal-note.ts';
import { writeRefusal } from './refuse.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';
import type { SyntheticNames } from './synthetic-names.ts';
import { terminateTls } from './terminate-tls.ts';

export interface ConversationServices extends ExchangeServices {
  readonly leaves: LeafContexts;
  readonly names: SyntheticNames;
}

/** `proxy` connections name their destination themselves; of all others the local address is the destination. */
export async function converse(
  socket: Socket,
  purpose: 'tcp' | 'proxy',
  ends: ConnectionEnds,
  services: ConversationServices,
): Promise<void> {
  socket.setNoDelay(true);
  // The readers hear of errors; this keeps one that nobody reads from ending the process.
  socket.on('error', () => undefined);
  socket.setTimeout(services.limits.idleTimeoutMs, () => socket.destroy());
  const arrival = arrivalOf(purpose, ends, services.names);
  try {
    await startConversation(socket, arrival, services);
  } catch (error) {
    services.counters.refused += 1;
    await recordCut(arrival, error, services);
    socket.destroy();
  }
}

async function recordCut(arrival: Arrival, error: unknown, { journal }: ConversationServices): Promise<void> {
  const refusal = error instanceof Refusal ? error : toRefusal(error);
  const host = arrival.claims[0]?.host ?? arrival.fallbackName ?? '';
  await journal.deny({ protocol: 'tcp', method: '', host, port: arrival.port ?? 0, path: '' }, refusal.rule, [
    refusalNote(refusal),
  ]);
}

async function startConversation(socket: Socket, arrival: Arrival, services: ConversationServices): Promise<void> {
  const reader = new ByteReader(socket);
  const raw = rawDestination(arrival);
  if (raw !== undefined) {
    const settings = services.settings();
    const decision = judgePassthrough(raw, services, settings);
    if (decision !== undefined) return servePassthrough(socket, reader, raw, decision, settings, services);
  }
  const first = await within(services.limits.headTimeoutMs, socket, () => firstBytes(reader));
  const firstByte = first?.[0];
  if (first === undefined || firstByte === undefined) {
    socket.destroy();
    return;
  }
  reader.unread(first);
  if (firstByte === 0x16) {
    if (arrival.port === undefined) throw unknownProtocol('TLS spoken to the proxy itself');
    await serveTls(socket, reader, arrival, services);
  } else if (firstByte >= 0x41 && firstByte <= 0x5a) {
    await serveRequests({ socket, reader, origin: arrival }, services);
  } else {
    throw unknownProtocol('the connection speaks neither TLS nor HTTP');
  }
}

/** Where a connection goes by what is known before its first byte; undefined where that is not one name or address. */
function rawDestination({ port, claims, fallbackName }: Arrival): TcpDestination | undefined {
  const host = claims[0]?.host ?? fallbackName;
  return host === undefined || port === undefined ? undefined : { host, port };
}

/** Undefined for a client that closes or breaks without a word: it asked for nothing. */
async function firstBytes(reader: ByteReader): Promise<Buffer | undefined> {
  try {
    return await reader.read();
  } catch {
    return undefined;
  }
}

async function serveTls(
  raw: Socket,
  reader: ByteReader,
  arrival: Arrival,
  services: ConversationServices,
): Promise<void> {
  const { leaves, limits } = services;
  const { secure, name } = await terminateTls(raw, reader, { fallbackName: arrival.fallbackName, leaves, limits });
  // RFC 6066: an address is no server name. Whoever sends one is taken at its word.
  const source = isAddressLiteral(name) ? 'the TLS destination' : 'the TLS server name';
  const origin: Origin = { ...arrival, scheme: 'https', claims: [{ source, host: name }, ...arrival.claims] };
  if (secure.alpnProtocol === 'h2') {
    // Loaded where it is spoken: many cages never do.
    const { serveHttp2 } = await import('./http2-conversation.ts');
    await serveHttp2(secure, origin, services);
    return;
  }
  await serveRequests({ socket: secure, reader: new ByteReader(secure), origin }, services);
}

async function serveRequests(client: ClientConnection, services: ConversationServices): Promise<void> {
  for (;;) {
    const head = await nextHead(client, services);
    if (head === undefined) return;
    if (head.target.form === 'authority' && client.origin.port === undefined) {
      await openTunnel(client, head.target.authority, head, services);
      return;
    }
    const stream = http1Stream(head, client);
    await serveExchange(stream, services);
    const after = stream.after();
    switch (after) {
      case 'next':
        break;
      case 'close':
      case 'close-while-read':
        closeGently(client, after === 'close-while-read');
        return;
      default:
        after satisfies never;
        client.socket.destroy();
        return;
    }
  }
}

/** The next request's head; undefined when there is none, with the connection closed. */
async function nextHead(client: ClientConnection, services: ConversationServices): Promise<RequestHead | undefined> {
  const { limits, journal, counters } = services;
  try {
    const bytes = await readHead(client.reader, {
      maxBytes: limits.maxHeadBytes,
      timeoutMs: limits.headTimeoutMs,
      fault: malformed,
      onTimeout: () => client.reader.abandon(new Error('the head took too long')),
    });
    if (bytes !== undefined) return parseRequestHead(bytes, limits);
    client.socket.end();
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) {
      // Between requests a broken connection is nothing but closed.
      client.socket.destroy();
      return undefined;
    }
    counters.refused += 1;
    const asked = newAsked(client.origin);
    await journal.deny(asked, error.rule, [refusalNote(error)]);
    await answerRefusal(client, asked, error);
    closeGently(client, false);
    return undefined;
  }
}

/** The last answer on a connection that is about to end. */
async function answerRefusal({ socket }: ClientConnection, asked: Asked, refusal: Refusal): Promise<void> {
  const { status, rule, message: reason, remedy } = refusal;
  try {
    await writeBytes(socket, [writeRefusal({ ...asked, status, rule, reason, remedy }, true)]);
  } catch {
    // A client that is gone needs no answer.
    socket.destroy();
  }
}

/** CONNECT: the answer is always yes, so that the refusal of what is asked inside can be read. */
async function openTunnel(
  client: ClientConnection,
  target: string,
  head: RequestHead,
  services: ConversationServices,
): Promise<void> {
  const { socket, reader } = client;
  let authority: Authority;
  try {
    authority = parseAuthority(target, undefined);
    const host = parseAuthority(head.host, authority.port);
    if (host.host !== authority.host || host.port !== authority.port) {
      throw malformed('the Host header of CONNECT is not its target');
    }
  } catch (error) {
    const refusal = toRefusal(error);
    services.counters.refused += 1;
    const asked = { ...newAsked(client.origin), method: 'CONNECT', path: target };
    await services.journal.deny(asked, refusal.rule, [refusalNote(refusal)]);
    await answerRefusal(client, asked, refusal);
    closeGently(client, false);
    return;
  }
  reader.release();
  await writeBytes(socket, [Buffer.from('HTTP/1.1 200 Connection Established\r\n\r\n', 'latin1')]);
  const claim = { source: 'the CONNECT target', host: authority.host };
  const { peer } = client.origin;
  const arrival = {
    scheme: 'http' as const,
    port: authority.port,
    claims: [claim],
    peer,
    fallbackName: authority.host,
  };
  try {
    await startConversation(socket, arrival, services);
  } catch (error) {
    services.counters.refused += 1;
    await recordCut(arrival, error, services);
    socket.destroy();
  }
}
