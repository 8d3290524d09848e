// TLS contexts for the names that a cage asks for: minted on demand, once per name at a time, kept within a bound.
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../platform/clock.ts';
import { isAddressLiteral } from '../policy/hosts.ts';
import type { KeyAndCertificate, LeafMint } from './mint.ts';

const MAX_CONTEXTS = 500;
/** A leaf that ends sooner is minted anew. */
const MIN_REMAINING_MS = 24 * 3_600_000;

interface Entry {
  context: Promise<SecureContext>;
  renewAtMs: number;
}

export interface LeafContexts {
  /** The server context for a normalised name or address literal. */
  contextFor(name: string): Promise<SecureContext>;
  /** Loads what the first leaf needs, ahead of it. */
  prepare(): Promise<void>;
}

export function createLeafContexts(ca: KeyAndCertificate, clock: Clock): LeafContexts {
  const entries = new Map<string, Entry>();
  let mint: Promise<LeafMint> | undefined;

  function openMint(): Promise<LeafMint> {
    mint ??= import('./mint.ts').then(({ createLeafMint }) => createLeafMint(ca));
    return mint;
  }

  async function makeContext(name: string, entry: Entry): Promise<SecureContext> {
    const nowMs = clock.now();
    const { keyPem, mint: mintLeaf } = await openMint();
    const leaf = await mintLeaf(name, isAddressLiteral(name), nowMs);
    entry.renewAtMs = Math.max(leaf.notAfterMs - MIN_REMAINING_MS, nowMs + 60_000);
    // Naming the authority keeps Node from loading the hundred public ones into a context that verifies nobody.
    return createSecureContext({
      key: keyPem,
      cert: leaf.certificatePem,
      ca: ca.certificatePem,
      minVersion: 'TLSv1.2',
      // A second handshake within a connection costs much and is for nothing.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    });
  }

  return {
    contextFor(name) {
      const known = entries.get(name);
      if (known !== undefined) {
        entries.delete(name);
        if (clock.now() < known.renewAtMs) {
          entries.set(name, known);
          return known.context;
        }
      }
      const entry: Entry = { context: Promise.reject(new Error('not made yet')), renewAtMs: Number.POSITIVE_INFINITY };
      entry.context.catch(() => undefined);
      entry.context = makeContext(name, entry);
      entry.context.catch(() => {
        if (entries.get(name) === entry) entries.delete(name);
      });
      entries.set(name, entry);
      const oldest = entries.size > MAX_CONTEXTS ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
      return entry.context;
    },
    async prepare() {
      await openMint();
    },
  };
}
