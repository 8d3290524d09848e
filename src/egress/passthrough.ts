// Raw TCP, for the one host and port that a rule passes unseen: judged by name and port alone, recorded with its bytes,
// metered by the rule's budget. A server may speak first. Where the client speaks TLS, the name that it asks for must be the
// one that the rule is for; beyond that nothing is known of what passes, which is what the rule says.
import type { Socket } from 'node:net';
import { normaliseHost } from '../policy/hosts.ts';
import { decideTcp, type TcpDestination } from '../policy/tcp.ts';
import type { Decision } from '../policy/types.ts';
import type { ByteReader } from './byte-reader.ts';
import { writeBytes } from './byte-writer.ts';
import { MAX_HELLO_BYTES, parseClientHello } from './client-hello.ts';
import { toRefusal, type ExchangeServices } from './exchange.ts';
import { authorityRefusal } from './authority.ts';
import type { Asked } from './journal.ts';
import { Refusal, unknownProtocol } from './refusal.ts';
import type { Settings } from './settings.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** What the policy says of this destination as raw TCP; undefined: nothing, so that the connection must speak HTTP. */
export function judgePassthrough(
  destination: TcpDestination,
  { usage, now }: Pick<ExchangeServices, 'usage' | 'now'>,
  settings: Settings,
): Decision | undefined {
  return decideTcp(settings.policy, destination, { nowMs: now(), usage: (rule) => usage.of(rule) });
}

/** Serves one connection to its end, with a record of both. Throws a Refusal for what never began. */
export async function servePassthrough(
  socket: Socket,
  reader: ByteReader,
  destination: TcpDestination,
  decision: Decision,
  settings: Settings,
  services: ExchangeServices,
): Promise<void> {
  const { journal, counters, upstreams, usage } = services;
  const asked: Asked = { protocol: 'tcp', method: '', ...destination, path: '' };
  counters.requests += 1;
  if (decision.decision !== 'allow' || decision.matched === undefined) {
    counters.refused += 1;
    await journal.deny(asked, decision.rule, decision.inspectors);
    socket.destroy();
    return;
  }
  // Each side may end its half while the other still speaks.
  socket.allowHalfOpen = true;
  const decided = await journal.allow(asked, decision.rule, decision.inspectors, []);
  const counted = { status: 0, bytesOut: 0, bytesIn: 0 };
  let upstream: UpstreamConnection | undefined;
  try {
    const meter = usage.open(decision.matched, {
      ...{ protocol: 'http', scheme: 'https', method: '', path: '', query: '', headers: [], contentLength: undefined },
      ...destination,
    });
    upstream = await upstreams.openRaw({
      ...destination,
      scheme: 'http',
      private: decision.private,
      route: settings.routeFor(destination.host),
      generation: settings.generation,
    });
    upstream.socket.allowHalfOpen = true;
    reader.onClosed = undefined;
    await Promise.all([
      relayOut(reader, upstream.socket, destination.host, (bytes) => {
        meter.out(bytes);
        counted.bytesOut += bytes;
      }),
      relay(upstream.reader, socket, (bytes) => {
        counted.bytesIn += bytes;
      }),
    ]);
    void journal.end(decided, { ...counted, outcome: 'complete', detail: '' });
  } catch (error) {
    const refusal = error instanceof Refusal ? error : undefined;
    const detail = refusal?.message ?? 'the connection broke';
    if (refusal !== undefined) counters.refused += 1;
    const isOurs = refusal !== undefined && !refusal.rule.startsWith('<upstream');
    const ending = isOurs
      ? { outcome: 'refused' as const, refusedBy: toRefusal(refusal).rule }
      : { outcome: refusal === undefined ? ('aborted' as const) : ('upstream-error' as const) };
    await journal.end(decided, { ...counted, ...ending, detail });
  } finally {
    upstream?.socket.destroy();
    // What was written is sent; the rest of a broken connection is not worth waiting for.
    if (socket.writableFinished) socket.destroy();
    else socket.destroySoon();
  }
}

async function relay(from: ByteReader, to: Socket, count: (bytes: number) => void): Promise<void> {
  for (;;) {
    const bytes = await from.read();
    if (bytes === undefined) break;
    count(bytes.length);
    await writeBytes(to, [bytes]);
  }
  to.end();
}

/** The first bytes of a client may be TLS: then they wait until its hello is whole and names the right host. */
async function relayOut(from: ByteReader, to: Socket, host: string, count: (bytes: number) => void): Promise<void> {
  const first = await from.read();
  if (first !== undefined) {
    from.unread(first);
    if (first[0] === 0x16) await checkServerName(from, host);
  }
  await relay(from, to, count);
}

async function checkServerName(from: ByteReader, host: string): Promise<void> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const more = await from.read();
    if (more === undefined) throw unknownProtocol('a TLS handshake that ends in the middle');
    bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
    const hello = parseClientHello(bytes);
    if (hello.state === 'invalid') throw unknownProtocol(hello.reason);
    if (hello.state === 'complete') {
      if (hello.serverName !== undefined && normaliseHost(hello.serverName) !== host) {
        throw authorityRefusal(`the TLS server name is another one than ${host}, where the connection goes`);
      }
      from.unread(bytes);
      return;
    }
    if (bytes.length > MAX_HELLO_BYTES) throw unknownProtocol('a ClientHello that is too large');
  }
}
