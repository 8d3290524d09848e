// Takes TLS off a client's connection, with a certificate for the name that it asked for. Every name gets one, also those
// that no rule allows: only behind the handshake can a refusal be explained.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { normaliseHost } from '../policy/hosts.ts';
import type { ByteReader } from './byte-reader.ts';
import { MAX_HELLO_BYTES, parseClientHello } from './client-hello.ts';
import type { EgressLimits } from './config.ts';
import { within } from './deadline.ts';
import type { LeafContexts } from './leaf.ts';
import { Refusal, unknownProtocol } from './refusal.ts';

export interface TlsTermination {
  /** The name to speak TLS for where the client names none. */
  fallbackName: string | undefined;
  leaves: LeafContexts;
  limits: EgressLimits;
}

/** The decrypted socket, and the normalised name that its certificate is for. Throws a Refusal. */
export async function terminateTls(
  raw: Socket,
  reader: ByteReader,
  { fallbackName, leaves, limits }: TlsTermination,
): Promise<{ secure: TLSSocket; name: string }> {
  const asked = await within(limits.headTimeoutMs, raw, () => readServerName(reader));
  const name = asked === undefined ? fallbackName : normaliseHost(asked);
  if (name === undefined) throw unknownProtocol('TLS without a valid server name');
  const context = await leaves.contextFor(name);
  reader.release();
  if (raw.destroyed) throw handshakeFailure('the client closed');
  const secure = new TLSSocket(raw, { isServer: true, secureContext: context, ALPNProtocols: ['h2', 'http/1.1'] });
  await within(limits.headTimeoutMs, secure, () => handshake(secure));
  return { secure, name };
}

/** Without a tls.Server around it, a server-side socket tells its errors as `_tlsError`. */
function handshake(secure: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    let code = 'the client closed';
    secure.on('error', () => undefined);
    secure.on('_tlsError', (error: unknown) => {
      if (typeof error === 'object' && error !== null && 'code' in error) code = String(error.code);
      secure.destroy();
    });
    secure.once('secure', () => {
      // Only a tls.Server lowers this flag, and Node's HTTP/2 waits for it to be lowered.
      Reflect.set(secure, 'secureConnecting', false);
      resolve();
    });
    secure.once('close', () => reject(handshakeFailure(code)));
  });
}

function handshakeFailure(code: string): Refusal {
  return new Refusal({ status: 400, rule: '<tls>', reason: `the TLS handshake failed (${code})` });
}

/** The server name of a ClientHello, which stays unread. Throws a Refusal. */
async function readServerName(reader: ByteReader): Promise<string | undefined> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const more = await reader.read();
    if (more === undefined) throw unknownProtocol('a TLS handshake that ends in the middle');
    bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
    const hello = parseClientHello(bytes);
    if (hello.state === 'invalid') throw unknownProtocol(hello.reason);
    if (hello.state === 'complete') {
      reader.unread(bytes);
      return hello.serverName;
    }
    if (bytes.length > MAX_HELLO_BYTES) throw unknownProtocol('a ClientHello that is too large');
  }
}
