// Which program of a cage holds one end of a connection: for people who are asked whether it may. Reads /proc only. What a
// process says of itself is the cage's own text: bounded here, made harmless by whoever prints it.
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { parseAddress, type AddressBytes } from '../../policy/addresses.ts';
import { identifyProcess, type ProcessIdentity } from '../../platform/processes.ts';
import { cageProcesses } from './cage-processes.ts';

export interface SocketOwner {
  /** As the cage numbers it. */
  pid: number;
  argv: readonly string[];
  /** As the cage sees it. */
  cwd: string;
}

const MAX_COMMAND_LINE_BYTES = 4096;

/** The process that holds the socket of this local end, or undefined when it is gone or cannot be seen. */
export function findSocketOwner(
  init: ProcessIdentity,
  { address, port }: { address: string; port: number },
): SocketOwner | undefined {
  const bytes = parseAddress(address);
  if (bytes === undefined) return undefined;
  const inode = ['tcp', 'tcp6']
    .map((table) => inodeOf(readProc(`/proc/${init.pid}/net/${table}`), bytes, port))
    .find((found) => found !== undefined);
  if (inode === undefined) return undefined;
  const owner = cageProcesses(init).find(({ pid }) => holds(pid, `socket:[${inode}]`));
  return owner === undefined ? undefined : describe(owner);
}

/** The inode of the socket with this local end, from the text of /proc/PID/net/tcp or tcp6. */
export function inodeOf(table: string, address: AddressBytes, port: number): string | undefined {
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [local = '', inode] = [fields[1], fields[9]];
    const [hexAddress = '', hexPort = ''] = local.split(':');
    if (inode === undefined || inode === '0' || Number.parseInt(hexPort, 16) !== port) continue;
    if (isSameAddress(kernelBytes(hexAddress), address)) return inode;
  }
  return undefined;
}

/** The kernel prints each 32-bit word as a number of its own byte order. */
function kernelBytes(hex: string): number[] {
  const words = hex.match(/.{8}/g) ?? [];
  return words.flatMap((word) => {
    const bytes = (word.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
    return endianness() === 'LE' ? bytes.reverse() : bytes;
  });
}

/** An IPv4 address may stand in an IPv6 socket, as ::ffff:1.2.3.4. */
function isSameAddress(one: AddressBytes, other: AddressBytes): boolean {
  const [left, right] = [unmapped(one), unmapped(other)];
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

function unmapped(bytes: AddressBytes): AddressBytes {
  const isMapped = bytes.length === 16 && bytes.every((byte, index) => index >= 12 || byte === (index < 10 ? 0 : 0xff));
  return isMapped ? bytes.slice(12) : bytes;
}

function holds(pid: number, link: string): boolean {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).some((name) => linkOf(`${directory}/${name}`) === link);
  } catch {
    // Gone meanwhile, or not ours to see.
    return false;
  }
}

function describe(identity: ProcessIdentity): SocketOwner | undefined {
  const { pid, startTicks } = identity;
  const namespaced = /^NSpid:.*?(\d+)$/m.exec(readProc(`/proc/${pid}/status`))?.[1];
  const argv = commandLine(pid);
  const cwd = linkOf(`/proc/${pid}/cwd`) ?? '';
  // The number may have gone to somebody else while it was looked at.
  if (identifyProcess(pid)?.startTicks !== startTicks) return undefined;
  return { pid: Number(namespaced ?? 0), argv, cwd };
}

function commandLine(pid: number): string[] {
  let handle: number;
  try {
    handle = openSync(`/proc/${pid}/cmdline`, 'r');
  } catch {
    return [];
  }
  try {
    const buffer = Buffer.alloc(MAX_COMMAND_LINE_BYTES);
    const length = readSync(handle, buffer, 0, buffer.length, 0);
    const words = buffer.toString('utf8', 0, length).split('\0');
    return words.at(-1) === '' ? words.slice(0, -1) : words;
  } finally {
    closeSync(handle);
  }
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process is gone, or the kernel has no such table.
    return '';
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
