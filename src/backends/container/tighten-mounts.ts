// Mounts of a container that the engines leave open to set-uid files and device files: all of them are closed from outside,
// before anything of the agent's runs inside. No engine can be told that of every mount it makes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import { run, type ProcessIdentity } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import { PROGRAMS_DIRECTORY } from '../host/layout.ts';
import { END, step, writeCalls, type Call, type Put } from '../host/call-list.ts';
import { CALLS, MOUNT_NAMESPACE, MOUNT_OPTIONS, REMOUNT } from '../host/kernel-numbers.ts';

export interface MountEntry {
  path: string;
  /** Options of this mount, not of its file system. */
  options: readonly string[];
}

/** The host command line by which the namespaces that own the container's are joined, and what stands behind it. */
export interface TightenWays {
  join: readonly string[];
  /** Of the cage: takes the list of what is to be done. */
  runDirectory: string;
  sh: string;
  /** PATH. */
  path: string;
}

/** `setuid`: paths of mounts whose set-uid files are to work. */
export async function tightenMounts(
  init: ProcessIdentity,
  { join: prefix, runDirectory, sh, path }: TightenWays,
  setuid: readonly string[],
): Promise<void> {
  const command = writeCalls(runDirectory, 'mounts', (put) => remountCalls(init, setuid, put));
  const script = [sh, REMOUNT_SCRIPT, ...remountArguments(init, setuid)];
  const [program = '', ...args] = [...prefix, ...(command ?? script)];
  const { exitCode, stderr } = await run(program, args, { env: { PATH: path }, timeoutMs: 20_000 });
  if (exitCode !== 0) throw failure('', stderr);
  mustBeTight(init, setuid);
}

/** The same as remount.sh, with one program in the place of one for each mount. */
function remountCalls(init: ProcessIdentity, setuid: readonly string[], put: Put): Call[] {
  const namespace = `/proc/${init.pid}/ns/mnt`;
  return [
    step('closing files', CALLS.closeRange, [FREE, 0xffff_ffff, 0]),
    step('opening the namespace', CALLS.open, [put(namespace), READ_ONLY], { most: FREE }),
    step('joining the namespace', CALLS.setns, [FREE, MOUNT_NAMESPACE]),
    ...openMounts(readMounts(init), setuid).map((mount) => {
      const flags = remountOptions(mount, setuid).reduce(
        (bits, option) => bits | optionBit(mount.path, option),
        REMOUNT,
      );
      return step(printableLine(mount.path), CALLS.mount, [0, put(mount.path), 0, flags, 0]);
    }),
    END,
  ];
}

const FREE = 3;
const READ_ONLY = 0;

function optionBit(path: string, option: string): number {
  const bit = Object.hasOwn(MOUNT_OPTIONS, option) ? MOUNT_OPTIONS[option] : undefined;
  // Not said again, it would be taken away.
  if (bit === undefined) throw failure(path, `it has the option ${option}, which is not known`);
  return bit;
}

/** Of remount.sh: the namespace, and what is to be changed there. */
export function remountArguments(init: ProcessIdentity, setuid: readonly string[] = []): string[] {
  const changes = openMounts(readMounts(init), setuid).flatMap((mount) => [
    ['remount', 'bind', ...remountOptions(mount, setuid)].join(','),
    mount.path,
  ]);
  return [`/proc/${init.pid}/ns/mnt`, ...changes];
}

/** Throws E_PROTECTION for a mount that is still open. */
export function mustBeTight(init: ProcessIdentity, setuid: readonly string[] = []): void {
  const [left] = openMounts(readMounts(init), setuid);
  if (left !== undefined) throw failure(left.path, 'it is as it was');
}

const REMOUNT_SCRIPT = join(PROGRAMS_DIRECTORY, 'container/remount.sh');

function readMounts({ pid }: ProcessIdentity): MountEntry[] {
  return parseMounts(readFileSync(`/proc/${pid}/mountinfo`, 'latin1'));
}

/** Format: proc(5), /proc/PID/mountinfo. Without those that another mount covers: they are out of reach for everybody inside. */
export function parseMounts(text: string): MountEntry[] {
  const entries = text.split('\n').flatMap((line) => {
    const [id, parent, , , path, options] = line.split(' ');
    if (id === undefined || parent === undefined || path === undefined || options === undefined) return [];
    return [{ id, parent, path: unescaped(path), options: options.split(',') }];
  });
  const parents = new Map(entries.map(({ id, parent }) => [id, parent]));
  const isBelow = (id: string | undefined, ancestor: string): boolean => {
    for (let at = id, hops = 0; at !== undefined && hops < entries.length; at = parents.get(at), hops += 1)
      if (at === ancestor) return true;
    return false;
  };
  const isCovered = ({ id, path }: (typeof entries)[number], index: number): boolean =>
    entries.some(
      (other, place) =>
        place > index && (path === other.path || path.startsWith(`${other.path}/`)) && !isBelow(id, other.id),
    );
  return entries.filter((entry, index) => !isCovered(entry, index)).map(({ path, options }) => ({ path, options }));
}

/** Blanks, line ends and backslashes stand as three octal digits. */
function unescaped(path: string): string {
  const bytes = path.replace(/\\([0-7]{3})/g, (_match, code: string) => fromOctal(code));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function fromOctal(code: string): string {
  return String.fromCharCode(Number.parseInt(code, 8));
}

/** Device files are what /dev is for. */
function isDevice(path: string): boolean {
  return path === '/dev' || path.startsWith('/dev/');
}

export function openMounts(mounts: readonly MountEntry[], setuid: readonly string[] = []): MountEntry[] {
  return mounts.filter(
    ({ path, options }) =>
      !(options.includes('nosuid') || setuid.includes(path)) || !(options.includes('nodev') || isDevice(path)),
  );
}

/** A remount sets every option anew: those that are there are said again. */
function remountOptions({ path, options }: MountEntry, setuid: readonly string[]): string[] {
  const closed = setuid.includes(path) ? [] : ['nosuid'];
  return [...new Set([...options, ...closed, ...(isDevice(path) ? [] : ['nodev'])])];
}

function failure(path: string, said: string): IronError {
  return new IronError('E_PROTECTION', {
    message: 'a mount of the container cannot be closed to set-uid and device files',
    because: `${printableLine(path)}: ${printableLine(said.trim()).slice(0, 300)}`,
    hint: 'util-linux 2.34 or newer is needed; `ironcage doctor` shows the engines of this machine',
  });
}
