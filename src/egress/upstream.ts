// Connections to the world: dialled to one vetted address, verified, reused only after a clean exchange. What is dialled
// is decided by the policy's host and the user's routes, never by anything else a cage says.
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  rootCertificates,
  type SecureContext,
} from 'node:tls';
import { isAddressLiteral } from '../policy/hosts.ts';
import { errorMessage, systemErrorCode } from '../platform/errors.ts';
import { ByteReader } from './byte-reader.ts';
import type { EgressRoute } from './config.ts';
import { Refusal, upstreamFailure } from './refusal.ts';
import type { Resolver } from './resolve.ts';

export interface Destination {
  scheme: 'http' | 'https';
  host: string;
  port: number;
  /** From the deciding rule. */
  private: boolean;
  route: EgressRoute | undefined;
  /** Generation of the settings that allowed it. */
  generation: number;
}

export interface UpstreamConnection {
  readonly socket: Socket;
  readonly reader: ByteReader;
  readonly key: string;
  /** Whether it has served an exchange before: it may have gone stale unnoticed. */
  reused: boolean;
  /** When it was last given back, in milliseconds of performance.now(). */
  idleSince: number;
}

export interface UpstreamOptions {
  resolver: Resolver;
  caFiles: readonly string[];
  dialTimeoutMs: number;
  idleTimeoutMs: number;
}

export interface Upstreams {
  /** A connection that was idle for at most `maxIdleMs` (0: none is), or a new one. Throws a Refusal. */
  open(destination: Destination, maxIdleMs: number): Promise<UpstreamConnection>;
  /** Takes a connection back after a complete exchange with nothing left to read. */
  keep(connection: UpstreamConnection): void;
  closeIdle(): void;
}

/** Idle connections are kept so long. */
export const POOL_IDLE_MS = 30_000;
const MAX_IDLE = 256;
const MAX_IDLE_PER_KEY = 32;
const MAX_SESSIONS = 500;
const MAX_ATTEMPTS = 4;

export function createUpstreams(options: UpstreamOptions): Upstreams {
  const idle = new Map<string, UpstreamConnection[]>();
  let idleCount = 0;
  const sessions = new Map<string, Buffer>();
  const contexts = new Map<string, SecureContext>();

  function forget(connection: UpstreamConnection): void {
    const list = idle.get(connection.key);
    const index = list?.indexOf(connection) ?? -1;
    if (list === undefined || index === -1) return;
    list.splice(index, 1);
    idleCount -= 1;
    if (list.length === 0) idle.delete(connection.key);
  }

  function takeIdle(key: string, maxIdleMs: number): UpstreamConnection | undefined {
    for (;;) {
      const connection = idle.get(key)?.at(-1);
      // The last one was given back last: if it is too old, all are.
      if (connection === undefined || performance.now() - connection.idleSince >= maxIdleMs) return undefined;
      forget(connection);
      connection.reader.onClosed = undefined;
      connection.socket.removeAllListeners('timeout');
      // Bytes that nobody asked for would be taken for the answer to the next request.
      if (connection.reader.isOpen && !connection.reader.hasBytes) {
        connection.socket.setTimeout(options.idleTimeoutMs, () => connection.socket.destroy());
        return connection;
      }
      connection.socket.destroy();
    }
  }

  function contextFor(route: EgressRoute | undefined): SecureContext | undefined {
    const caPem = route?.caPem;
    if (caPem === undefined && options.caFiles.length === 0) return undefined;
    const key = caPem ?? '';
    const known = contexts.get(key);
    if (known !== undefined) return known;
    const extra = caPem === undefined ? options.caFiles.map((file) => readFileSync(file, 'utf8')) : [];
    const context = createSecureContext({ ca: caPem ?? [...rootCertificates, ...extra] });
    contexts.set(key, context);
    return context;
  }

  async function dial(destination: Destination, key: string): Promise<UpstreamConnection> {
    const { route } = destination;
    const deadline = performance.now() + options.dialTimeoutMs;
    const addresses =
      route === undefined
        ? await withinTime(options.resolver.resolve(destination.host, destination.private), options.dialTimeoutMs)
        : [route.address];
    let failure: unknown;
    for (const address of addresses.slice(0, MAX_ATTEMPTS)) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) break;
      try {
        const socket = await connectTo(destination, address, key, leftMs);
        return adopt(socket, key);
      } catch (error) {
        failure = error;
        // Another address will not have a better certificate.
        if (isCertificateError(error)) break;
      }
    }
    throw dialRefusal(destination, failure);
  }

  function adopt(socket: Socket, key: string): UpstreamConnection {
    socket.setNoDelay(true);
    socket.setTimeout(options.idleTimeoutMs, () => socket.destroy());
    return { socket, reader: new ByteReader(socket), key, reused: false, idleSince: 0 };
  }

  function connectTo(destination: Destination, address: string, key: string, timeoutMs: number): Promise<Socket> {
    const port = destination.route?.port ?? destination.port;
    return new Promise((resolve, reject) => {
      const socket = destination.scheme === 'http' ? connectTcp({ host: address, port }) : startTls(address, port);
      const timer = setTimeout(() => socket.destroy(new DialTimeout()), timeoutMs);
      socket.once(destination.scheme === 'http' ? 'connect' : 'secureConnect', () => {
        clearTimeout(timer);
        socket.removeListener('error', reject);
        // The reader hears of errors; this keeps one that nobody reads from ending the process.
        socket.on('error', () => undefined);
        resolve(socket);
      });
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      socket.once('close', () => {
        clearTimeout(timer);
        reject(new Error('the connection was closed while it was set up'));
      });

      function startTls(host: string, tlsPort: number): Socket {
        const context = contextFor(destination.route);
        const session = sessions.get(key);
        const tlsSocket = connectTls({
          host,
          port: tlsPort,
          ALPNProtocols: ['http/1.1'],
          minVersion: 'TLSv1.2',
          rejectUnauthorized: true,
          checkServerIdentity: (_, certificate) => checkServerIdentity(destination.host, certificate),
          ...(isAddressLiteral(destination.host) ? {} : { servername: destination.host }),
          ...(context === undefined ? {} : { secureContext: context }),
          ...(session === undefined ? {} : { session }),
        });
        tlsSocket.on('session', (ticket) => rememberSession(key, ticket));
        return tlsSocket;
      }
    });
  }

  function rememberSession(key: string, ticket: Buffer): void {
    sessions.delete(key);
    sessions.set(key, ticket);
    const oldest = sessions.size > MAX_SESSIONS ? sessions.keys().next().value : undefined;
    if (oldest !== undefined) sessions.delete(oldest);
  }

  return {
    async open(destination, maxIdleMs) {
      const key = poolKey(destination);
      return takeIdle(key, maxIdleMs) ?? dial(destination, key);
    },
    keep(connection) {
      const { socket, reader, key } = connection;
      const list = idle.get(key) ?? [];
      if (!reader.isOpen || reader.hasBytes || idleCount >= MAX_IDLE || list.length >= MAX_IDLE_PER_KEY) {
        socket.destroy();
        return;
      }
      connection.reused = true;
      connection.idleSince = performance.now();
      idle.set(key, list);
      list.push(connection);
      idleCount += 1;
      const drop = () => {
        forget(connection);
        socket.destroy();
      };
      reader.onClosed = drop;
      socket.removeAllListeners('timeout');
      socket.setTimeout(POOL_IDLE_MS, drop);
    },
    closeIdle() {
      for (const list of idle.values()) for (const { socket } of list) socket.destroy();
      idle.clear();
      idleCount = 0;
    },
  };
}

/** Everything that two requests must share to share a connection. */
function poolKey(destination: Destination): string {
  const { scheme, host, port, route, generation } = destination;
  return JSON.stringify([generation, scheme, host, port, destination.private, route]);
}

class DialTimeout extends Error {}

function isCertificateError(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|HOSTNAME/.test(code);
}

function dialRefusal(destination: Destination, failure: unknown): Refusal {
  const where = `${destination.host}:${destination.port}`;
  if (failure === undefined || failure instanceof DialTimeout) {
    return upstreamFailure(`${where} did not answer in time`, 504);
  }
  if (isCertificateError(failure)) {
    return new Refusal({
      status: 502,
      rule: '<upstream-certificate>',
      reason: `the certificate of ${where} is not valid: ${errorMessage(failure)}`,
    });
  }
  return upstreamFailure(`${where} could not be reached (${systemErrorCode(failure) ?? 'connection closed'})`);
}

async function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(upstreamFailure('the name could not be resolved in time', 504)), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
