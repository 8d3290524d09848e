// The listeners of a cage that lives, opened once more for a new egress: the old ones ended with the egress that held them.
// The program that opens them joins the keeper's user, network and mount namespaces, and no namespace that the cage's own
// processes are in; those cannot see it.
import { spawn, type ChildProcess } from 'node:child_process';
import { withoutInherited } from '../../platform/descriptors.ts';
import { IronError } from '../../platform/errors.ts';
import type { ProcessIdentity } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import type { CagePlan, ListenerRequest } from '../backend.ts';
import { dropRoot, type Tools } from './arguments.ts';
import { STAGED } from './layout.ts';
import { isListener, parseStageMessage, type Listener } from './stage-messages.ts';

const TIMEOUT_MS = 10_000;

/** `handOver` gets each listener as it comes and closes its own copy. Resolves when all are handed over. */
export async function reopenListeners(
  cage: Pick<CagePlan, 'identity' | 'callerIsRoot' | 'listeners'> & { holder: ProcessIdentity },
  tools: Tools,
  path: string,
  handOver: (request: ListenerRequest, handle: Listener) => Promise<void>,
): Promise<void> {
  const command = [
    ...(cage.callerIsRoot ? dropRoot(cage.identity, tools) : []),
    ...[tools.nsenter, '--target', String(cage.holder.pid), '--user', '--preserve-credentials', '--net', '--mount'],
    ...['--', STAGED.node, `${STAGED.programs}/open-listeners.js`],
  ];
  const [program = '', ...args] = withoutInherited(command, path, 4);
  const child = spawn(program, args, { env: { PATH: path }, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let log = '';
  child.stderr?.on('data', (chunk) => (log = `${log}${String(chunk)}`.slice(-1000)));
  try {
    await receive(child, cage.listeners, handOver, (because) => failure(printableLine(log.trim()) || because));
    child.send({ type: 'go' });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    child.unref();
  }
}

function receive(
  child: ChildProcess,
  listeners: readonly ListenerRequest[],
  handOver: (request: ListenerRequest, handle: Listener) => Promise<void>,
  failed: (because: string) => IronError,
): Promise<void> {
  return new Promise((resolvePromise, reject) => {
    const pending: Promise<void>[] = [];
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      child.off('close', onEnd);
      finish();
    };
    const fail = (error: unknown): void => settle(() => reject(error instanceof Error ? error : failed(String(error))));
    const onEnd = (): void => fail(failed('the program that opens them ended'));
    const timer = setTimeout(() => fail(failed('they did not open in time')), TIMEOUT_MS);
    child.once('error', fail);
    child.once('close', onEnd);
    child.on('message', (message: unknown, handle: unknown) => {
      const parsed = parseStageMessage(message);
      if (parsed === undefined) return fail(failed('a message came that cannot be read'));
      switch (parsed.type) {
        case 'up':
          child.send({ type: 'open', listeners });
          return;
        case 'listener': {
          if (!isListener(handle)) return fail(failed('a listener arrived without its socket'));
          const handed = handOver({ purpose: parsed.purpose, port: parsed.port }, handle);
          handed.catch(fail);
          pending.push(handed);
          return;
        }
        case 'opened':
          Promise.all(pending).then(() => settle(resolvePromise), fail);
          return;
        default:
          fail(parsed satisfies never);
      }
    });
  });
}

function failure(because: string): IronError {
  return new IronError('E_EGRESS', {
    message: 'the listeners of the cage could not be opened again',
    because,
    hint: 'a program in the cage may hold a port of the egress; until it is restarted the cage has no network: ironcage restart',
  });
}
