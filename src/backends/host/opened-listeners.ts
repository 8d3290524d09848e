// Runs the program that opens listeners in a network of a cage's, and hands over what it opens. The command line says how
// that network is joined.
import { spawn, type ChildProcess } from 'node:child_process';
import { Server } from 'node:net';
import { join } from 'node:path';
import { withoutInherited } from '../../platform/descriptors.ts';
import { IronError } from '../../platform/errors.ts';
import { whenLate } from '../../platform/patience.ts';
import { printableLine } from '../../platform/text.ts';
import type { CagePlan, Listener, ListenerRequest } from '../backend.ts';
import { END, writeCalls } from './call-list.ts';
import { PROGRAMS_DIRECTORY } from './layout.ts';
import { listenerCalls, untilLetGo } from './listener-calls.ts';
import { isListener, parseStageMessage } from './stage-messages.ts';

const TIMEOUT_MS = 20_000;

/** Gets each listener as it comes, and closes its own copy. */
export type HandOver = (request: ListenerRequest, handle: Listener) => Promise<void>;

/** What opens them in the network that it is started in; no longer than that plan's next start. */
export function openerCommand(
  { runDirectory, listeners }: Pick<CagePlan, 'runDirectory' | 'listeners'>,
  node: string,
): readonly string[] {
  const calls = writeCalls(runDirectory, 'listeners', (put) => [
    ...listenerCalls(listeners, put),
    untilLetGo(put),
    END,
  ]);
  return calls ?? [node, join(PROGRAMS_DIRECTORY, 'packed/open-listeners.js')];
}

/** Resolves when all are handed over. Throws E_EGRESS that says why they could not be. */
export async function openListeners(
  command: readonly string[],
  listeners: readonly ListenerRequest[],
  path: string,
  handOver: HandOver,
): Promise<void> {
  const [program = '', ...args] = withoutInherited(command, path, 4);
  const child = spawn(program, args, { env: { PATH: path }, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let log = '';
  child.stderr?.on('data', (chunk) => (log = `${log}${String(chunk)}`.slice(-1000)));
  try {
    const failed = (because: string): IronError => failure(printableLine(log.trim()) || because);
    await receiveListeners(child, listeners, { handOver, opened: () => undefined, failed });
    // It ends when nobody is there any more.
    child.disconnect();
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    child.unref();
  }
}

export interface Receiver {
  handOver: HandOver;
  /** All are open, and not yet handed over; with the number of the process that started their program, where that was told. */
  opened: (holderPid: number | undefined) => void;
  failed: (because: string) => IronError;
}

/** Speaks with open-listeners.ts or with what makes listenerCalls. Resolves when every listener has been handed over. */
export function receiveListeners(
  child: ChildProcess,
  listeners: readonly ListenerRequest[],
  { handOver, opened, failed }: Receiver,
): Promise<void> {
  return new Promise((resolvePromise, reject) => {
    let holderPid: number | undefined;
    const pending: Promise<void>[] = [];
    const settle = (finish: () => void): void => {
      inTime();
      child.off('close', onEnd);
      finish();
    };
    const fail = (error: unknown): void => settle(() => reject(error instanceof Error ? error : failed(String(error))));
    const onEnd = (): void => fail(failed('the program that opens the listeners ended'));
    const inTime = whenLate(TIMEOUT_MS, () => fail(failed('the listeners did not open in time')));
    child.once('error', fail);
    child.once('close', onEnd);
    child.on('message', (message: unknown, handle: unknown) => {
      const parsed = parseStageMessage(message);
      switch (parsed?.type) {
        case 'up':
          ({ holderPid } = parsed);
          child.send({ type: 'open', listeners });
          return;
        case 'listener': {
          if (!isListener(handle)) return fail(failed('a listener arrived without its socket'));
          // It takes in connections from now on, and a cage must not wait for an answer that never comes.
          if (handle instanceof Server) handle.on('connection', (socket) => socket.destroy());
          // Kept whole for `opened`; a failure is told at once, since nobody would serve the others.
          const handed = handOver({ purpose: parsed.purpose, port: parsed.port }, handle);
          handed.catch(fail);
          pending.push(handed);
          return;
        }
        case 'opened':
          try {
            opened(holderPid);
          } catch (error) {
            return fail(error);
          }
          Promise.all(pending).then(() => settle(resolvePromise), fail);
          return;
        case undefined:
          return fail(failed('a message came that cannot be read'));
        default:
          fail(parsed satisfies never);
      }
    });
  });
}

function failure(because: string): IronError {
  return new IronError('E_EGRESS', {
    message: 'the listeners of the cage could not be opened',
    because,
    hint: 'a program in the cage may hold a port of the egress; until it is restarted the cage has no network: ironcage restart',
  });
}
