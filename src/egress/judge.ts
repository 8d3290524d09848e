// From a parsed head to a decision: everything that a request claims is brought to one reading, and only that reading is
// judged and, if it may, sent. Sends nothing itself.
import { decide } from '../policy/chain.ts';
import { canonicalTarget } from '../policy/paths.ts';
import type { Decision, Exchange } from '../policy/types.ts';
import { agreeOnAuthority, authorityRefusal, defaultPort, formatAuthority, parseAuthority } from './authority.ts';
import type { Authority, Claim } from './authority.ts';
import { forwardableFields, type Field } from './fields.ts';
import { requestFraming, type Framing } from './framing.ts';
import type { Asked } from './journal.ts';
import { malformed } from './refusal.ts';
import { wantsWebSocket, type RequestHead } from './request-head.ts';
import type { Settings } from './settings.ts';
import type { UsageBook } from './usage.ts';
import { checkExtendedConnect, checkHandshake, handshakeFields } from './websocket-handshake.ts';
import type { SocketEnd } from './proxy-header.ts';

/** Where requests come from, and what is known about where they go. */
export interface Origin {
  readonly scheme: 'http' | 'https';
  /** Destination port; undefined on the proxy's own port, where each request names it. */
  readonly port: number | undefined;
  /** What the connection said already; each must agree with the Host header. */
  readonly claims: readonly Claim[];
  /** The cage's end of the connection. */
  readonly peer: SocketEnd | undefined;
}

export interface Judged {
  readonly head: RequestHead;
  readonly exchange: Exchange;
  readonly decision: Decision;
  /** The Host header to send. */
  readonly authority: string;
  /** Canonical path with the query. */
  readonly target: string;
  /** What may be sent on. */
  readonly fields: readonly Field[];
  readonly framing: Framing;
}

/** What a judgement depends on besides the settings. */
export interface Memory {
  readonly usage: Pick<UsageBook, 'of'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Judges one request; `asked` is filled in as things become known. Throws a Refusal for what has no one reading. */
export function judgeRequest(
  head: RequestHead,
  origin: Origin,
  settings: Settings,
  asked: Asked,
  { usage, now }: Memory,
): Judged {
  asked.method = head.method;
  const { scheme, authority, rawTarget } = readTarget(head, origin);
  asked.host = authority.host;
  asked.port = authority.port;
  asked.path = rawTarget;
  const target = canonicalTarget(rawTarget);
  if (!target.ok) throw malformed(target.reason);
  asked.path = target.query === '' ? target.path : `${target.path}?${target.query}`;
  const framing = requestFraming(head);
  const isWebSocket = wantsWebSocket(head);
  const fields = forwardableFields(head.fields, malformed);
  if (isWebSocket) {
    asked.protocol = 'websocket';
    if (head.version === '2') checkExtendedConnect(head);
    else checkHandshake(head, framing);
  }
  const sent = isWebSocket ? handshakeFields(fields) : fields;
  const host = formatAuthority(authority, scheme);
  const exchange: Exchange = {
    protocol: isWebSocket ? 'websocket' : 'http',
    scheme,
    method: head.method,
    host: authority.host,
    port: authority.port,
    path: target.path,
    query: target.query,
    headers: [['host', host], ...sent.map(({ name, value }) => [name, value] as const)],
    contentLength: framing.kind === 'length' ? framing.length : framing.kind === 'none' ? 0 : undefined,
  };
  const decision = decide(settings.policy, exchange, {
    bindings: settings.bindings,
    nowMs: now(),
    usage: (rule) => usage.of(rule),
  });
  return { head, exchange, decision, authority: host, target: asked.path, fields: sent, framing };
}

interface ReadTarget {
  scheme: 'http' | 'https';
  authority: Authority;
  rawTarget: string;
}

function readTarget(head: RequestHead, origin: Origin): ReadTarget {
  const { target } = head;
  switch (target.form) {
    case 'origin':
      if (origin.port === undefined) throw malformed('a proxy request whose target is not a whole URL');
      return {
        scheme: origin.scheme,
        authority: agreeOnAuthority(head.host, origin.scheme, origin.port, origin.claims),
        rawTarget: target.target,
      };
    case 'absolute': {
      if (origin.port !== undefined) throw malformed('a whole URL as target of a request that goes to no proxy');
      if (target.scheme !== 'http') throw malformed('an https URL asked of the proxy without CONNECT');
      const named = parseAuthority(target.authority, defaultPort('http'));
      const claims = [{ source: 'the request URL', host: named.host }];
      return {
        scheme: 'http',
        authority: agreeOnAuthority(head.host, 'http', named.port, claims),
        rawTarget: target.target,
      };
    }
    case 'authority':
      throw authorityRefusal('CONNECT inside a connection that goes to one host already');
    default:
      throw malformed('a request target of an unknown form');
  }
}
