// The egress of a native cage: a host process with a confinement of its own, which egress-command.ts writes down. It is
// started, told its policy and its secrets over Node's IPC, handed its listeners, and then left alone.
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { EgressConfig, EgressParentMessage } from '../../egress/config.ts';
import { IronError } from '../../platform/errors.ts';
import { identifyProcess, type ProcessIdentity } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import type { Listener, ListenerRequest } from '../backend.ts';
import type { Tools } from './tools.ts';
import { egressCommand, egressProgram, type EgressLaunch } from './egress-command.ts';
import { answerOf, confinedProcess, startConfined } from './confined-process.ts';

const START_TIMEOUT_MS = 15_000;

export interface StartingEgress {
  identity: ProcessIdentity;
  configure(config: EgressConfig): Promise<{ generation: number; hash: string; caPem: string }>;
  listener(request: ListenerRequest, handle: Listener): Promise<void>;
  /** Hands over the socket to the process of an inspector. */
  inspector(name: string, socket: Socket): Promise<void>;
  /** `process` is what serves, without its wrapper: with it all of the egress ends, and without it nothing is served. */
  serve(): Promise<{ generation: number; hash: string; process: ProcessIdentity }>;
  /** Lets go of it: it lives on without this process. */
  detach(): void;
  kill(): void;
}

/** Starts the egress program; it ends with this process unless it serves and was let go. */
export function startEgress(launch: EgressLaunch, tools: Tools, path: string): StartingEgress {
  const command = egressCommand(launch, tools, egressProgram());
  const { runDirectory } = launch;
  const child = startConfined({ command, runDirectory, log: 'egress.log', channel: 'ipc' }, path);
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (identity === undefined) throw egressFailure('its process could not be started');
  return {
    identity: { pid: identity.pid, startTicks: identity.startTicks },
    async configure(config) {
      post(child, { type: 'configure', config });
      const answer = await egressAnswer(child, 'configured');
      return { generation: answer.generation, hash: answer.hash, caPem: answer.caPem };
    },
    listener: (request, handle) =>
      new Promise((sent, reject) => {
        child.send({ type: 'listener', ...request } satisfies EgressParentMessage, handle, {}, (error) => {
          // The copy that stays here must not go on accepting.
          handle.close();
          if (error === null) sent();
          else reject(error);
        });
      }),
    inspector: (name, socket) =>
      new Promise((sent, reject) => {
        child.send({ type: 'inspector', name } satisfies EgressParentMessage, socket, {}, (error) => {
          if (error === null) sent();
          else reject(error);
        });
      }),
    async serve() {
      post(child, { type: 'serve' });
      const answer = await egressAnswer(child, 'serving');
      const inner = confinedProcess(identity);
      if (inner === undefined) throw egressFailure('its process is gone');
      return { generation: answer.generation, hash: answer.hash, process: inner };
    },
    detach() {
      child.disconnect();
      child.unref();
    },
    kill() {
      child.kill('SIGKILL');
      // What does not serve yet ends by itself when nobody is left who could finish its start.
      if (child.connected) child.disconnect();
    },
  };
}

function post(child: ChildProcess, message: EgressParentMessage): void {
  child.send(message);
}

type AnswerType = 'configured' | 'serving';

function egressAnswer(child: ChildProcess, type: AnswerType): Promise<EgressAnswer> {
  return answerOf(child, START_TIMEOUT_MS, egressFailure, (message) => {
    const answer = parseAnswer(message);
    if (answer === undefined) throw egressFailure('it gave an answer that cannot be read');
    if (answer.type === 'failed') throw egressFailure(answer.message);
    return answer.type === type ? answer : undefined;
  });
}

interface EgressAnswer {
  type: AnswerType;
  generation: number;
  hash: string;
  /** Only of `configured`. */
  caPem: string;
}

/** The egress reads what a cage sends: what it says is checked like anything else that comes from there. */
function parseAnswer(value: unknown): EgressAnswer | { type: 'failed'; message: string } | undefined {
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  if (value.type === 'failed') {
    return { type: 'failed', message: 'message' in value ? printableLine(String(value.message).slice(0, 500)) : '' };
  }
  if (value.type !== 'configured' && value.type !== 'serving') return undefined;
  if (!('generation' in value) || typeof value.generation !== 'number') return undefined;
  if (!('hash' in value) || typeof value.hash !== 'string') return undefined;
  const caPem = 'caPem' in value && typeof value.caPem === 'string' ? value.caPem : '';
  if (
    value.type === 'configured' &&
    !/^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?$/.test(caPem)
  ) {
    return undefined;
  }
  return { type: value.type, generation: value.generation, hash: value.hash, caPem };
}

function egressFailure(because: string): IronError {
  return new IronError('E_EGRESS', {
    message: 'the egress could not be started',
    because,
    hint: 'without it the cage has no network and is not started; egress.log in the cage’s run directory and `ironcage doctor` say more',
  });
}
