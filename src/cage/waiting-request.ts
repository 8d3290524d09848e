// A request that waits for a person, as people are shown it: with the process that asks and what each answer would change.
// What a cage wrote is bounded and made harmless here.
import { domainToUnicode } from 'node:url';
import { findSocketOwner, type SocketOwner } from '../backends/host/socket-owner.ts';
import type { HeldRequest } from '../egress/config.ts';
import type { ProcessIdentity } from '../platform/processes.ts';
import { printableLine } from '../platform/text.ts';
import { offerRules } from './approve-rules.ts';

/** A request that waits. Text of the cage is bounded and holds no control characters. */
export interface WaitingRequest {
  id: string;
  cage: string;
  askedAt: string;
  /** When the answer becomes a no. */
  expiresAt: string;
  method: string;
  /** Whole, with the host in its A-label form. */
  url: string;
  /** The host as its owner would write it, where that differs. */
  hostUnicode: string | undefined;
  /** Length of the body, where it is declared. */
  bodyBytes: number | undefined;
  contentType: string | undefined;
  /** The rule that was missed, and why it asks. */
  rule: string;
  reason: string;
  /** How many identical requests wait for this answer. */
  waiting: number;
  /** Undefined when it is gone, or cannot be seen from here. */
  process: SocketOwner | undefined;
  /** What the answers would change, as rules; undefined: too long for a rule. */
  rules: { allow: string | undefined; wider: readonly string[]; deny: string | undefined };
}

/** `init`: process 1 of the cage. */
export function viewRequest(cage: string, init: ProcessIdentity, held: HeldRequest): WaitingRequest {
  const { id, askedAt, expiresAt, method, host, contentLength, contentType, rule, reason, waiting, client } = held;
  const unicode = domainToUnicode(host);
  const { exact: allow, wider, deny } = offerRules(held);
  const owner = client === undefined ? undefined : findSocketOwner(init, client);
  return {
    ...{ id, cage, askedAt, expiresAt, waiting },
    method: printableLine(method),
    url: urlOf(held),
    hostUnicode: unicode === '' || unicode === host ? undefined : printableLine(unicode),
    bodyBytes: contentLength,
    contentType: contentType === undefined ? undefined : printableLine(contentType),
    rule: printableLine(rule),
    reason: printableLine(reason),
    process: owner === undefined ? undefined : viewOwner(owner),
    rules: { allow, wider, deny },
  };
}

const MAX_ARGUMENTS = 64;

function viewOwner({ pid, argv, cwd }: SocketOwner): SocketOwner {
  const shown = argv.slice(0, MAX_ARGUMENTS).map((word) => printableLine(word));
  return { pid, argv: argv.length > MAX_ARGUMENTS ? [...shown, '…'] : shown, cwd: printableLine(cwd) };
}

function urlOf({ scheme, protocol, host, port, path, query }: HeldRequest): string {
  const shownScheme = protocol === 'websocket' ? { https: 'wss', http: 'ws' }[scheme] : scheme;
  const name = host.includes(':') ? `[${host}]` : host;
  const shownPort = port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`;
  return printableLine(`${shownScheme}://${name}${shownPort}${path}${query === '' ? '' : `?${query}`}`);
}
