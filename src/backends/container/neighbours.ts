// Which blocks of addresses lie on the same wire as a process, whatever they are: read from the kernel's tables of routes.
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import type { ProcessIdentity } from '../../platform/processes.ts';
import { formatAddress } from '../../policy/addresses.ts';

/** `ADDRESS/BITS` of each. Throws when the process is gone. */
export function neighbourBlocks({ pid }: ProcessIdentity, family: 4 | 6): string[] {
  if (family === 4) return blocksOf4(readFileSync(`/proc/${pid}/net/route`, 'utf8'));
  try {
    return blocksOf6(readFileSync(`/proc/${pid}/net/ipv6_route`, 'utf8'));
  } catch {
    // A kernel without IPv6 has no such table.
    return [];
  }
}

/** Format of /proc/PID/net/route: device, destination, gateway, flags, …, mask as the eighth; numbers of the machine's byte order. */
export function blocksOf4(table: string): string[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination, gateway, , , , , mask] = line.trim().split(/\s+/);
      if (destination === undefined || mask === undefined || gateway !== '00000000' || mask === '00000000') return [];
      return [`${formatAddress(bytesOf(destination))}/${bitsOf(mask)}`];
    });
}

/** Format of /proc/PID/net/ipv6_route: destination, bits, source, bits, next hop, …; numbers as they are sent. */
export function blocksOf6(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const [destination = '', bits = '', , , nextHop = ''] = line.trim().split(/\s+/);
    if (!/^0+$/.test(nextHop) || !/^[23]/.test(destination) || bits === '00') return [];
    const bytes = (destination.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
    return [`${formatAddress(bytes)}/${Number.parseInt(bits, 16)}`];
  });
}

function bytesOf(hex: string): number[] {
  const bytes = (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
  return endianness() === 'LE' ? bytes.reverse() : bytes;
}

function bitsOf(mask: string): number {
  return Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length;
}
