// Which addresses lead inside: the host, its networks, its cloud's metadata service. What a name resolves to is vetted here
// before it is dialled. Only canonical text is read; whatever cannot be read counts as forbidden.

/** 4 or 16 bytes. */
export type AddressBytes = readonly number[];

type Block = readonly [cidr: string, name: string];

/**
 * IANA special-purpose registries (RFC 6890 and successors). The documentation ranges are left out on purpose: nothing
 * answers there, so they cannot reach anything inside, and tests need addresses that count as public.
 */
const IPV4_BLOCKS: readonly Block[] = [
  ['0.0.0.0/8', 'unspecified'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'carrier-grade-nat'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'protocol-assignments'],
  ['192.88.99.0/24', '6to4-relay'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'benchmark'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
];

const IPV6_BLOCKS: readonly Block[] = [
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['64:ff9b:1::/48', 'nat64-local'],
  ['100::/64', 'discard'],
  ['2001::/32', 'teredo'],
  ['2001::/23', 'protocol-assignments'],
  ['2002::/16', '6to4'],
  ['fc00::/7', 'unique-local'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
];

/** Everything else that is handed out today lies in 2000::/3 (RFC 4291); the rest is reserved. */
export const GLOBAL_UNICAST = '2000::/3';

/** Services that hand out the machine's own credentials: AWS, GCP, Azure, OpenStack; ECS and EKS; Alibaba; Azure's wire server; Oracle. */
const METADATA_ADDRESSES: readonly string[] = [
  '169.254.169.254/32',
  '169.254.170.2/32',
  '169.254.170.23/32',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  'fd00:ec2::254/128',
  'fd00:ec2::23/128',
  'fd20:ce::254/128',
];

/** Prefixes whose last 32 bits are an IPv4 address that the packet ends up at: mapped, translated (SIIT), NAT64. */
const EMBEDDING_PREFIXES: readonly string[] = ['::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96'];

/** Blocks of addresses that are not the public internet's. Whatever lies outside of `GLOBAL_UNICAST` is not either. */
export function insideBlocks(family: 4 | 6): string[] {
  const blocks = family === 4 ? IPV4_BLOCKS : IPV6_BLOCKS;
  const metadata = METADATA_ADDRESSES.filter((cidr) => cidr.includes(':') === (family === 6));
  return [...new Set([...blocks.map(([cidr]) => cidr), ...metadata])];
}

interface Range {
  bytes: AddressBytes;
  bits: number;
  name: string;
}

const IPV4_RANGES = IPV4_BLOCKS.map(toRange);
const IPV6_RANGES = IPV6_BLOCKS.map(toRange);
const GLOBAL_UNICAST_RANGE = toRange([GLOBAL_UNICAST, 'global']);
const METADATA_RANGES = METADATA_ADDRESSES.map((cidr) => toRange([cidr, 'metadata']));
const EMBEDDING_RANGES = EMBEDDING_PREFIXES.map((cidr) => toRange([cidr, 'embedding']));

/** The bytes of an address: dotted decimal without leading zeros, or IPv6 without brackets and zone. */
export function parseAddress(text: string): AddressBytes | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** The one spelling of an address: dotted decimal, or RFC 5952 without the dotted tail. */
export function formatAddress(bytes: AddressBytes): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

/** Name of the forbidden block that `ip` lies in; undefined when the address is public. */
export function addressBlock(ip: string): string | undefined {
  const bytes = parseAddress(ip);
  if (bytes === undefined) return 'unparseable';
  if (isMetadata(bytes)) return 'metadata';
  return blockOf(bytes);
}

/** Whether `ip` is a metadata service, in any notation; such an address is refused even where a rule says `private`. Unreadable text counts as one. */
export function isMetadataAddress(ip: string): boolean {
  const bytes = parseAddress(ip);
  return bytes === undefined || isMetadata(bytes);
}

function blockOf(bytes: AddressBytes): string | undefined {
  if (bytes.length === 4) return IPV4_RANGES.find((range) => contains(range, bytes))?.name;
  if (EMBEDDING_RANGES.some((range) => contains(range, bytes))) return blockOf(bytes.slice(12));
  const named = IPV6_RANGES.find((range) => contains(range, bytes));
  if (named !== undefined) return named.name;
  return contains(GLOBAL_UNICAST_RANGE, bytes) ? undefined : 'reserved';
}

function isMetadata(bytes: AddressBytes): boolean {
  const candidates = bytes.length === 16 ? [bytes, ...embeddedIpv4(bytes)] : [bytes];
  return candidates.some((candidate) => METADATA_RANGES.some((range) => contains(range, candidate)));
}

/** Every IPv4 address that a translator might read out of these bytes: last 32 bits, 6to4, Teredo, RFC 6052 at /48, /56 and /64. */
function embeddedIpv4(bytes: AddressBytes): AddressBytes[] {
  const at = (...positions: number[]): number[] => positions.map((position) => bytes[position] ?? 0);
  return [
    at(12, 13, 14, 15),
    at(12, 13, 14, 15).map((byte) => byte ^ 0xff),
    at(2, 3, 4, 5),
    at(6, 7, 9, 10),
    at(7, 9, 10, 11),
    at(9, 10, 11, 12),
  ];
}

function contains(range: Range, bytes: AddressBytes): boolean {
  if (range.bytes.length !== bytes.length) return false;
  for (let index = 0, left = range.bits; left > 0; index++, left -= 8) {
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff;
    if (((range.bytes[index] ?? 0) & mask) !== ((bytes[index] ?? 0) & mask)) return false;
  }
  return true;
}

function toRange([cidr, name]: Block): Range {
  const [address = '', bits = ''] = cidr.split('/');
  const bytes = parseAddress(address);
  if (bytes === undefined) throw new Error(`the address table holds an unreadable entry: ${cidr}`);
  return { bytes, bits: Number(bits), name };
}

function parseIpv4(text: string): AddressBytes | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  if (!parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.map(Number);
}

function parseIpv6(text: string): AddressBytes | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left = '', right] = halves;
  const head = parseGroups(left, right === undefined);
  const tail = right === undefined ? [] : parseGroups(right, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // `::` stands for at least one group.
  if (right === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** The bytes of `1:2:3`, the last group of the whole address may be dotted decimal. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (isLast && index === groups.length - 1 && group.includes('.')) {
      const dotted = parseIpv4(group);
      if (dotted === undefined) return undefined;
      bytes.push(...dotted);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index - start + 1 > best.length) best = { start, length: index - start + 1 };
  }
  return best;
}
