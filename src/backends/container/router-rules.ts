// What passes between an open cage and the world, as text for iptables-restore. The rules lie in the network of the cage's
// router, where no program of the cage's is. Pure. Nothing passes that no rule lets pass, and nothing comes in by itself.
import { isIP } from 'node:net';
import { GLOBAL_UNICAST, insideBlocks } from '../../policy/addresses.ts';
import { IMAGE_REGISTRIES, IMAGE_REGISTRY_PARTS } from './image-registries.ts';

/** The device of the router that leads to the cage. */
const ROUTER_DEVICE = 'cage';

/** The line between the two: addresses that mean nothing elsewhere (RFC 7335; a locally assigned prefix of RFC 4193). */
export const LINE = {
  4: { router: '192.0.0.1', cage: '192.0.0.2', bits: 29 },
  6: { router: 'fd69:726f:6e63::1', cage: 'fd69:726f:6e63::2', bits: 64 },
} as const;

export interface RouterFacts {
  /** Resolvers that the engine gives its containers: they may be asked for names wherever they are. */
  resolvers: readonly string[];
  /** Addresses of this machine, and blocks of neighbours: `ADDRESS` or `ADDRESS/BITS`. */
  refused: readonly string[];
}

/** Packets of a connection in which a name may stand: a ClientHello, the head of a request, a CONNECT. */
const FIRST_PACKETS = 20;

export function routerRules(family: 4 | 6, { resolvers, refused }: RouterFacts): string {
  const ofFamily = (address: string): boolean => isIP(address.split('/')[0] ?? '') === family;
  const { cage } = LINE[family];
  return [
    '*nat',
    ':POSTROUTING ACCEPT [0:0]',
    `-A POSTROUTING -s ${cage} ! -o ${ROUTER_DEVICE} -j MASQUERADE`,
    'COMMIT',
    '*filter',
    ...[':INPUT DROP [0:0]', ':FORWARD DROP [0:0]', ':OUTPUT ACCEPT [0:0]'],
    ...[':REFUSED - [0:0]', ':QUERIES - [0:0]', ':NAMES - [0:0]'],
    '-A REFUSED -p tcp -j REJECT --reject-with tcp-reset',
    '-A REFUSED -j REJECT',
    ...IMAGE_REGISTRIES.map((name) => matching(`--hex-string "${inQuery(name)}"`, 'QUERIES')),
    ...[...IMAGE_REGISTRIES, ...IMAGE_REGISTRY_PARTS].map((name) => matching(`--string "${name}"`, 'NAMES')),
    '-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
    // The router itself is no place to go: that is said at once to its cage, and to nobody else.
    `-A INPUT -i ${ROUTER_DEVICE} ${family === 6 ? '! -p ipv6-icmp ' : ''}-j REFUSED`,
    ...(family === 6 ? NEIGHBOURS.map((type) => `-A INPUT -p ipv6-icmp --icmpv6-type ${type} -j ACCEPT`) : []),
    `-A FORWARD -o ${ROUTER_DEVICE} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`,
    `-A FORWARD ! -i ${ROUTER_DEVICE} -j DROP`,
    // Nobody else's address as the sender's.
    `-A FORWARD ! -s ${cage} -j DROP`,
    ...['tcp', 'udp'].flatMap((protocol) => [
      `-A FORWARD -p ${protocol} --dport 22 -j REFUSED`,
      `-A FORWARD -p ${protocol} --dport 53 -j QUERIES`,
    ]),
    `-A FORWARD -p tcp -m connbytes --connbytes 0:${FIRST_PACKETS} --connbytes-dir original --connbytes-mode packets -j NAMES`,
    '-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
    ...resolvers
      .filter(ofFamily)
      .flatMap((address) =>
        ['tcp', 'udp'].map((protocol) => `-A FORWARD -d ${address} -p ${protocol} --dport 53 -j ACCEPT`),
      ),
    ...[...insideBlocks(family), ...refused.filter(ofFamily)].map((block) => `-A FORWARD -d ${block} -j REFUSED`),
    ...(family === 6 ? [`-A FORWARD ! -d ${GLOBAL_UNICAST} -j REFUSED`] : []),
    '-A FORWARD -j ACCEPT',
    'COMMIT',
    '',
  ].join('\n');
}

/** ICMPv6 by which neighbours and routers find one another (RFC 4861). */
const NEIGHBOURS = [133, 134, 135, 136] as const;

function matching(pattern: string, chain: string): string {
  return `-A ${chain} -m string --algo bm --icase ${pattern} -j REFUSED`;
}

/** A name as it stands in a question (RFC 1035, 3.1): labels behind their lengths, up to the root. */
function inQuery(name: string): string {
  const labels = name.split('.').map((label) => `|${label.length.toString(16).padStart(2, '0')}|${label}`);
  return `${labels.join('')}|00|`;
}
