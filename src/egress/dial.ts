// One new connection to the world: to an address that was vetted, and, where TLS is spoken, to a server that proved to be
// the host. What is dialled is decided by the policy's host and the user's routes, never by anything else a cage says.
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  rootCertificates,
  type SecureContext,
} from 'node:tls';
import { errorMessage, systemErrorCode } from '../platform/errors.ts';
import { isAddressLiteral } from '../policy/hosts.ts';
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

export interface DialOptions {
  resolver: Resolver;
  /** PEM files of authorities that are trusted besides the system's. */
  caFiles: readonly string[];
  dialTimeoutMs: number;
}

/**
 * Dials a destination; `key` names those that may share a TLS session. `alpn` are the protocols that are offered; the one
 * that the upstream chose is the socket's `alpnProtocol`. Throws a Refusal.
 */
export type Dial = (destination: Destination, key: string, alpn?: readonly string[]) => Promise<Socket>;

const HTTP1_ONLY = ['http/1.1'] as const;

const MAX_SESSIONS = 500;
/** Addresses of one name that are tried. */
const MAX_ATTEMPTS = 4;

export function createDial(options: DialOptions): Dial {
  const sessions = new Map<string, Buffer>();
  const contexts = new Map<string, SecureContext>();

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

  async function dial(destination: Destination, key: string, alpn: readonly string[] = HTTP1_ONLY): Promise<Socket> {
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
        return await connectTo(destination, address, key, alpn, leftMs);
      } catch (error) {
        failure = error;
        // Another address will not have a better certificate.
        if (isCertificateError(error)) break;
      }
    }
    throw dialRefusal(destination, failure);
  }

  function connectTo(
    destination: Destination,
    address: string,
    key: string,
    alpn: readonly string[],
    timeoutMs: number,
  ): Promise<Socket> {
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
          ALPNProtocols: [...alpn],
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

  return dial;
}

class DialTimeout extends Error {}

function isCertificateError(error: unknown): boolean {
  const code = systemErrorCode(error);
  return (
    code !== undefined &&
    /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|HOSTNAME|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|CRL|UNSPECIFIED/.test(code)
  );
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
