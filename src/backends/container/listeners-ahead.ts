// The listeners of a container before its engine calls it started: the runtime has made its first process and all namespaces long before
// the engine answers (Docker: 270 of 400 ms). Who is seen so early is a guess, so nothing but
// sockets is made there, and none is handed on before the network is known to be that of the process the engine has told of.
import { closeSync, openSync, readlinkSync } from 'node:fs';
import type { ProcessIdentity } from '../../platform/processes.ts';
import type { ListenerRequest } from '../backend.ts';
import { networkDevices, networkOf } from '../host/cage-network.ts';
import { openListeners, type HandOver } from '../host/opened-listeners.ts';
import { isFirstOfItsOwn } from './first-process.ts';
import { goneMeanwhile } from './gone-meanwhile.ts';

/** Numbers of processes of this machine, among which the first one of a container is to be. */
export type Candidates = () => readonly number[];

export interface ListenersAhead {
  /** From now on among these, until one was found; another call takes the place of the one before. */
  lookAmong: (candidates: Candidates) => void;
  /**
   * Ends the search. Resolves with true when the listeners are open in the network of `init` and handed over, with false where nothing
   * was opened there. Throws when that process is gone.
   */
  settle(init: Pick<ProcessIdentity, 'pid'>): Promise<boolean>;
  /** Nobody will settle it, or it was settled. */
  drop(): void;
}

/** Where the listeners are opened once the container is started. */
export const NOTHING_AHEAD: ListenersAhead = {
  lookAmong: () => undefined,
  settle: () => Promise.resolve(false),
  drop: () => undefined,
};

const EVERY_MS = 4;

interface Network {
  /** Holds it open under its name. */
  file: number;
  name: string;
}

interface Opening extends Network {
  opened: Promise<void>;
  hasFailed: boolean;
}

/** `command`: the host command line that opens listeners in a network, by the path of that. */
export function listenersAhead(
  command: (network: string) => readonly string[],
  listeners: readonly ListenerRequest[],
  path: string,
  handOver: HandOver,
): ListenersAhead {
  let timer: NodeJS.Timeout | undefined;
  let opening: Opening | undefined;
  const { told, tell } = telling();
  const begin = (network: Network): Opening => {
    const there = command(`/proc/${process.pid}/fd/${network.file}`);
    const opened = openListeners(there, listeners, path, async (request, handle) => {
      if (await told) return handOver(request, handle);
      handle.close();
      throw new Error('they are not those of the container that was started');
    });
    const begun: Opening = { ...network, opened, hasFailed: false };
    opened
      .catch(() => {
        begun.hasFailed = true;
        // What came before the failure is held by this process, and would be in the way of another try.
        tell(false);
      })
      // Not sooner: the program that joins the network finds it by this descriptor.
      .finally(() => closeSync(network.file));
    return begun;
  };
  return {
    lookAmong(candidates) {
      clearInterval(timer);
      timer = setInterval(() => {
        const network = opening === undefined ? newNetwork(candidates) : undefined;
        if (network !== undefined) opening = begin(network);
        if (opening !== undefined) clearInterval(timer);
      }, EVERY_MS);
    },
    async settle(init) {
      clearInterval(timer);
      // What fails before anything was handed over is tried again, as if it had not been tried.
      if (opening === undefined || opening.hasFailed) return false;
      const isRight = networkNow(init.pid) === opening.name;
      tell(isRight);
      if (isRight) await opening.opened;
      return isRight;
    },
    drop() {
      clearInterval(timer);
      tell(false);
    },
  };
}

function networkNow(pid: number): string {
  try {
    return networkOf(pid);
  } catch {
    throw goneMeanwhile();
  }
}

function telling(): { told: Promise<boolean>; tell: (isRight: boolean) => void } {
  let tell: ((isRight: boolean) => void) | undefined;
  const told = new Promise<boolean>((resolve) => (tell = resolve));
  return { told, tell: (isRight) => tell?.(isRight) };
}

/** The network of the one that is the first process of namespaces of its own. Undefined while there is none. */
function newNetwork(candidates: Candidates): Network | undefined {
  let file: number | undefined;
  try {
    const first = candidates().find(isFirstOfItsOwn);
    if (first === undefined) return undefined;
    file = openSync(`/proc/${first}/ns/net`, 'r');
    const name = readlinkSync(`/proc/self/fd/${file}`);
    if (name !== networkOf('self') && networkDevices({ pid: first }).length === 0) return { file, name };
  } catch {
    // Gone meanwhile.
  }
  if (file !== undefined) closeSync(file);
  return undefined;
}
