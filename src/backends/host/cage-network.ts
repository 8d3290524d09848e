// Whether the network of a cage that lives is still the one that was made for it, as the kernel shows it to the host: looked at
// before any program is started in it, since an engine or a hand may have changed it meanwhile. Reads /proc only; trusts nothing
// that was written down, and whatever cannot be read counts as changed.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAlive, type ProcessIdentity } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import type { ListenerRequest } from '../backend.ts';
import { childrenOf } from './cage-processes.ts';

/** The only network device that an open cage has besides `lo`; every other cage has none. */
export const CAGE_DEVICE = 'eth0';

export interface ExpectedNetwork {
  init: ProcessIdentity;
  /** Process 1 of the egress, or the gate that holds its listeners; undefined where there is none. */
  egress: ProcessIdentity | undefined;
  /** Network devices besides `lo`. */
  devices: readonly string[];
  /** What the egress must hold. */
  listeners: readonly ListenerRequest[];
  /** What was asked for ahead: when it is not good, or not given, it is asked for now. */
  sockets?: Promise<SocketTables>;
}

/** By kind, the texts of /proc/PID/net/tcp and its like, one for each family. */
export type SocketTables = Readonly<Record<'tcp' | 'udp', readonly string[]>>;

/** What is wrong with it, for people; undefined when it is as it should be. */
export async function networkFault({
  init,
  egress,
  devices,
  listeners,
  sockets,
}: ExpectedNetwork): Promise<string | undefined> {
  try {
    if (networkOf(init.pid) === networkOf('self')) return 'it has the network of this machine';
    const found = networkDevices(init);
    const other = found.find((device) => !devices.includes(device));
    if (other !== undefined) return `it has the network device ${printableLine(other)}`;
    const missing = devices.find((device) => !found.includes(device));
    if (missing !== undefined) return `its network device ${missing} is gone`;
    const unanswered = async (reading: Promise<SocketTables>): Promise<ListenerRequest | undefined> => {
      const tables = await reading;
      const held = egress === undefined ? new Set<string>() : socketsOf(egress);
      return listeners.find(({ purpose, port }) => {
        const kind = purpose === 'dns-udp' ? 'udp' : 'tcp';
        const inodes = tables[kind].flatMap((table) => listeningInodes(table, kind, port));
        return inodes.length === 0 || inodes.some((inode) => !held.has(inode));
      });
    };
    const isGood = listeners.length === 0 || (sockets !== undefined && (await unanswered(sockets)) === undefined);
    const stranger = isGood ? undefined : await unanswered(readSockets(init));
    if (stranger !== undefined) return `port ${stranger.port} (${stranger.purpose}) is not answered by its egress`;
    // A number that has gone to somebody else meanwhile would have been looked at instead.
    return isAlive(init) ? undefined : 'its first process has ended';
  } catch {
    return 'it cannot be looked at';
  }
}

/** Tells the network of a process from every other. Throws when the process is gone. */
export function networkOf(pid: number | 'self'): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

/** Names of the network devices besides `lo`. Throws when the process is gone. */
export function networkDevices({ pid }: Pick<ProcessIdentity, 'pid'>): string[] {
  return deviceNames(readFileSync(`/proc/${pid}/net/dev`, 'utf8')).filter((name) => name !== 'lo');
}

/** Format: proc(5), /proc/PID/net/dev, two lines of heads first. */
export function deviceNames(table: string): string[] {
  return table
    .split('\n')
    .slice(2)
    .flatMap((line) => /^\s*(\S+):/.exec(line)?.[1] ?? []);
}

const LISTEN = '0A';

/** Inodes of the sockets that take in what comes to a port, from the text of /proc/PID/net/tcp, tcp6, udp or udp6. */
export function listeningInodes(table: string, kind: 'tcp' | 'udp', port: number): string[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
      const isWanted = Number.parseInt(local.split(':')[1] ?? '', 16) === port && (kind === 'udp' || state === LISTEN);
      return isWanted && inode !== undefined ? [inode] : [];
    });
}

/**
 * Each table is read once, and beside one another: for every reading the kernel walks all connections of the machine, which takes
 * milliseconds also where there are none.
 */
export async function readSockets({ pid }: ProcessIdentity): Promise<SocketTables> {
  const read = (kind: string): Promise<string[]> =>
    Promise.all(['', '6'].map((family) => readTable(`/proc/${pid}/net/${kind}${family}`)));
  const [tcp, udp] = await Promise.all([read('tcp'), read('udp')]);
  return { tcp, udp };
}

async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // A kernel without IPv6 has no such table.
    return '';
  }
}

/** Inodes of the sockets that the processes of an egress hold: its process 1 only waits for the one that serves. */
function socketsOf({ pid }: ProcessIdentity): Set<string> {
  return new Set([pid, ...childrenOf(pid)].flatMap(heldSockets));
}

function heldSockets(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((name) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${directory}/${name}`))?.[1] ?? [];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}
