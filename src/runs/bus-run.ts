// The directory of a run in the bus of its cage, seen from outside. All of it may be of the cage's making: nothing is opened
// through a link, nothing but plain files is read, and nothing more than was asked for.
import { closeSync, constants, fstatSync, openSync, readSync, rmdirSync, unlinkSync } from 'node:fs';
import { createFileBeneath, openDirectoryBeneath, type Owner } from '../platform/beneath.ts';
import { systemErrorCode } from '../platform/errors.ts';
import { parseJson } from '../platform/json.ts';

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const MAX_STATUS_BYTES = 16_384;

/** What is not there, or is nothing that a run has there; EAGAIN: somebody inside holds a lease on it. */
const ABSENT = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EISDIR', 'ENXIO', 'EPERM', 'EAGAIN'];

export interface GuestStatus {
  state: 'running' | 'exited' | 'failed';
  beat: number;
  exitCode: number | undefined;
  /** Who told the supervisor to end the agent; undefined: nobody. */
  told: 'control' | 'cage' | undefined;
  error: string | undefined;
}

export interface BusRun {
  /** The descriptor of a file of the run; undefined while there is none. The caller closes it. */
  open(name: string): number | undefined;
  status(): GuestStatus | undefined;
  /** Puts a file there; false when there is one already. */
  put(name: string, text: string): boolean;
  /** Takes its files away, as far as they are those of a run. */
  clear(): void;
}

export function busRun(bus: string, id: string, owner: Owner | undefined): BusRun {
  const path = `runs/${id}`;
  const within = <T>(work: (directory: number) => T): T | undefined => {
    let directory: number | undefined;
    try {
      directory = openDirectoryBeneath(bus, path);
      return work(directory);
    } catch (error) {
      if (ABSENT.includes(systemErrorCode(error) ?? '')) return undefined;
      throw error;
    } finally {
      if (directory !== undefined) closeSync(directory);
    }
  };
  const open = (name: string): number | undefined =>
    within((directory) => {
      const fd = openSync(`/proc/self/fd/${directory}/${name}`, READ);
      if (fstatSync(fd).isFile()) return fd;
      closeSync(fd);
      return undefined;
    });
  return {
    open,
    status() {
      const fd = open('status.json');
      if (fd === undefined) return undefined;
      try {
        return parseStatus(readStart(fd, MAX_STATUS_BYTES));
      } finally {
        closeSync(fd);
      }
    },
    put: (name, text) => createFileBeneath(bus, `${path}/${name}`, text, 0o600, owner),
    clear() {
      within((directory) => {
        for (const name of FILES) unlinkIn(directory, name);
      });
      try {
        const runs = openDirectoryBeneath(bus, 'runs');
        try {
          rmdirSync(`/proc/self/fd/${runs}/${id}`);
        } finally {
          closeSync(runs);
        }
      } catch (error) {
        // What the agent put there itself stays, with the cage.
        if (![...ABSENT, 'ENOTEMPTY'].includes(systemErrorCode(error) ?? '')) throw error;
      }
    },
  };
}

const FILES = ['prompt', 'stream.log', 'stderr.log', 'status.json', '.status.json', 'control.json'];

function unlinkIn(directory: number, name: string): void {
  try {
    unlinkSync(`/proc/self/fd/${directory}/${name}`);
  } catch (error) {
    if (!ABSENT.includes(systemErrorCode(error) ?? '')) throw error;
  }
}

function readStart(fd: number, maxBytes: number): string {
  const bytes = Buffer.alloc(maxBytes);
  return bytes.toString('utf8', 0, readSync(fd, bytes, 0, maxBytes, 0));
}

/** Undefined for what no supervisor writes. */
function parseStatus(text: string): GuestStatus | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const field = (name: string): unknown => Object.entries(value).find(([key]) => key === name)?.[1];
  const [state, beat, exitCode, told, error] = ['state', 'beat', 'exitCode', 'told', 'error'].map(field);
  if (state !== 'running' && state !== 'exited' && state !== 'failed') return undefined;
  const isCode = typeof exitCode === 'number' && Number.isInteger(exitCode) && exitCode >= 0 && exitCode <= 255;
  return {
    state,
    beat: typeof beat === 'number' ? beat : 0,
    exitCode: isCode ? exitCode : undefined,
    told: told === 'control' || told === 'cage' ? told : undefined,
    error: typeof error === 'string' ? error.slice(0, 500) : undefined,
  };
}
