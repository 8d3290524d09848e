// A published port as people write it, `[HOST:]PORT[:CAGE_PORT]`, and what two of them have to do with one another. Pure.
import { isIP, SocketAddress } from 'node:net';
import { IronError } from '../platform/errors.ts';

export interface PublishedPort {
  /** Of this machine; canonical. */
  address: string;
  port: number;
  cagePort: number;
}

/** A port that may be left to choose. */
export type WantedPort = Omit<PublishedPort, 'port'> & { port: number | 'any' };

const LOOPBACK = '127.0.0.1';
const EXAMPLES = 'examples: 3000, 8080:3000, 0:3000 (any free port), 0.0.0.0:8080:3000, [::1]:8080:3000';

/** What was said of a port, and no more. */
interface NamedPort {
  address: string | undefined;
  port: WantedPort['port'];
  cagePort: number | undefined;
}

/** Throws E_USAGE. */
export function parsePort(text: string): WantedPort {
  const { address = LOOPBACK, port, cagePort = port } = parseNamedPort(text);
  if (cagePort === 'any') throw wrongPort(text, 'ports are numbers from 1 to 65535');
  return { address, port, cagePort };
}

/** Throws E_USAGE. */
export function parseNamedPort(text: string): NamedPort {
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*[^:[\]\d][^:[\]]*):)?(\d{1,5})(?::(\d{1,5}))?$/.exec(text);
  if (match === null) throw wrongPort(text, EXAMPLES);
  const [, host, first, second] = match;
  const address = host === undefined ? undefined : canonicalAddress(host);
  if (host !== undefined && address === undefined) {
    throw wrongPort(text, `HOST is an address of this machine, such as 127.0.0.1, 0.0.0.0 or [::1]; ${EXAMPLES}`);
  }
  const port = Number(first);
  const cagePort = second === undefined ? undefined : Number(second);
  if ((port !== 0 && !isPort(port)) || (cagePort !== undefined && !isPort(cagePort))) {
    throw wrongPort(text, 'ports are numbers from 1 to 65535');
  }
  return { address, port: port === 0 ? 'any' : port, cagePort };
}

function wrongPort(text: string, hint: string): IronError {
  return new IronError('E_USAGE', {
    message: `${JSON.stringify(text)} is no port to publish: [HOST:]PORT[:CAGE_PORT]`,
    hint,
  });
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}

/** Undefined for what is no address; an IPv4 address has one form only, and no scope is known here. */
function canonicalAddress(host: string): string | undefined {
  const isBracketed = host.startsWith('[');
  const text = isBracketed ? host.slice(1, -1) : host;
  const family = isIP(text);
  if (family !== (isBracketed ? 6 : 4) || text.includes('%')) return undefined;
  const { address } = new SocketAddress({ address: text, family: isBracketed ? 'ipv6' : 'ipv4' });
  return address.startsWith('::ffff:') ? undefined : address;
}

/** As it is written. */
export function formatPort({ address, port, cagePort }: WantedPort): string {
  return `${formatEnd(address, port)}:${cagePort}`;
}

/** Where it answers on this machine. */
export function formatEnd(address: string, port: number | 'any'): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port === 'any' ? 0 : port}`;
}

/** Whether both would hold the same port of this machine. `::` takes the IPv4 addresses as well. */
export function isSameEnd(one: WantedPort, other: WantedPort): boolean {
  if (one.port !== other.port || one.port === 'any') return false;
  return one.address === other.address || covers(one.address, other.address) || covers(other.address, one.address);
}

function covers(wildcard: string, address: string): boolean {
  return wildcard === '::' || (wildcard === '0.0.0.0' && !address.includes(':'));
}

/** Whether others than this machine's own programs may reach it. */
export function isOpenToOthers({ address }: Pick<PublishedPort, 'address'>): boolean {
  return !address.startsWith('127.') && address !== '::1';
}

export function isSamePort(one: PublishedPort, other: PublishedPort): boolean {
  return one.address === other.address && one.port === other.port && one.cagePort === other.cagePort;
}
