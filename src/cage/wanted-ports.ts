// The ports that a command names, made to fit those that a cage has.
import { IronError } from '../platform/errors.ts';
import type { Context } from './context.ts';
import { choosePort } from './host-listeners.ts';
import {
  formatEnd,
  formatPort,
  isOpenToOthers,
  isSameEnd,
  isSamePort,
  parseNamedPort,
  parsePort,
  type PublishedPort,
  type WantedPort,
} from './published-port.ts';

/** Throws E_USAGE for what cannot be read, and for two that would hold the same port of this machine. */
export function parsePorts(texts: readonly string[]): WantedPort[] {
  const ports = texts.map((text) => parsePort(text));
  for (const [index, port] of ports.entries()) {
    const other = ports.slice(0, index).find((earlier) => isSameEnd(earlier, port));
    if (other === undefined) continue;
    throw new IronError('E_USAGE', {
      message: `${formatPort(other)} and ${formatPort(port)} are for the same port of this machine`,
      hint: 'leave one of them out, or give it another port: 8081:3000',
    });
  }
  return ports;
}

/** What a cage has and what is named on top, which counts where both are for one port of this machine. Tells what is loosened. */
export async function mergePorts(
  context: Context,
  before: readonly PublishedPort[],
  wanted: readonly WantedPort[],
): Promise<PublishedPort[]> {
  let ports = [...before];
  for (const want of wanted) {
    const { address, port: number, cagePort } = want;
    // Any port will do: the one it has does.
    const isThere = ports.some((port) => port.address === address && port.cagePort === cagePort);
    if (number === 'any' && isThere) continue;
    const port = await choosePort(context, want);
    if (ports.some((each) => isSamePort(each, port))) continue;
    for (const each of ports.filter((other) => isSameEnd(other, port))) {
      context.progress(`${formatPort(each)} gives way to ${formatPort(port)}`);
    }
    ports = [...ports.filter((each) => !isSameEnd(each, port)), port];
    if (isOpenToOthers(port)) {
      context.progress(
        `warning: whoever can reach ${formatEnd(port.address, port.port)} from the network reaches port ${cagePort} of the cage`,
      );
    }
  }
  return ports;
}

/** Those without what the words name: a port of this machine, and where they say more, only that. Throws E_USAGE. */
export function withoutPorts(
  name: string,
  before: readonly PublishedPort[],
  texts: readonly string[],
): PublishedPort[] {
  let ports = [...before];
  for (const text of texts) {
    const named = parseNamedPort(text);
    const others = ports.filter(
      (port) =>
        port.port !== named.port ||
        (named.address !== undefined && port.address !== named.address) ||
        (named.cagePort !== undefined && port.cagePort !== named.cagePort),
    );
    if (others.length === ports.length) {
      throw new IronError('E_USAGE', {
        message: `${name} does not publish ${text}`,
        because: `it publishes ${before.map(formatPort).join(', ') || 'no port'}`,
        hint: `name the port of this machine, as \`ironcage ports ${name}\` shows it`,
      });
    }
    ports = others;
  }
  return ports;
}
