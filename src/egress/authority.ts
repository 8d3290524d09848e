// One authority: every name and port that a request carries must say the same, or it is refused. What a policy judges and
// what is dialled can then never be two things.
import { isAddressLiteral, normaliseHost } from '../policy/hosts.ts';
import { Refusal } from './refusal.ts';

export interface Authority {
  /** Normalised name, or an address literal without brackets. */
  readonly host: string;
  readonly port: number;
}

/** One thing that says where a connection wants to go. */
export interface Claim {
  /** `the TLS server name`, `the CONNECT target`, `the destination address`. */
  readonly source: string;
  readonly host: string;
}

export function authorityRefusal(reason: string): Refusal {
  return new Refusal({ status: 421, rule: '<authority>', reason });
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** Reads `host`, `host:port` or `[address]:port`. Without a port, `defaultPort` counts; undefined demands one. */
export function parseAuthority(text: string, defaultPort: number | undefined): Authority {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) throw authorityRefusal('the host is not HOST or HOST:PORT');
  const [, name = '', portText] = match;
  const host = readHost(name);
  const port = portText === undefined ? defaultPort : Number(portText);
  if (host === undefined) throw authorityRefusal('the host is not a valid name or address');
  if (port === undefined || port < 1 || port > 65_535) throw authorityRefusal('the port is missing or not a valid one');
  return { host, port };
}

/** Only brackets make an IPv6 literal in an authority, and only an IPv6 literal may stand in them. */
function readHost(name: string): string | undefined {
  if (!name.startsWith('[')) return normaliseHost(name);
  const host = normaliseHost(name.slice(1, -1));
  return host !== undefined && host.includes(':') ? host : undefined;
}

/** The authority of a request on a connection, once everything agrees. Throws a Refusal (421). */
export function agreeOnAuthority(
  hostHeader: string,
  scheme: 'http' | 'https',
  port: number,
  claims: readonly Claim[],
): Authority {
  const authority = parseAuthority(hostHeader, DEFAULT_PORTS[scheme]);
  if (authority.port !== port) {
    throw authorityRefusal(`the Host header says port ${authority.port}, the connection goes to port ${port}`);
  }
  for (const claim of claims) {
    if (claim.host !== authority.host) {
      throw authorityRefusal(`the Host header says ${authority.host}, ${claim.source} says ${claim.host}`);
    }
  }
  return authority;
}

/** As it stands in a Host header: brackets for IPv6, no port where it is the scheme's own. */
export function formatAuthority(authority: Authority, scheme: 'http' | 'https'): string {
  const host =
    isAddressLiteral(authority.host) && authority.host.includes(':') ? `[${authority.host}]` : authority.host;
  return authority.port === DEFAULT_PORTS[scheme] ? host : `${host}:${authority.port}`;
}

export function defaultPort(scheme: 'http' | 'https'): number {
  return DEFAULT_PORTS[scheme];
}
