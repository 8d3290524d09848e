// Starts the program that forwards one published port, confined like the egress, in the network of the cage. Until it is let go
// it ends with this process.
import type { ChildProcess } from 'node:child_process';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import { identifyProcess, type ProcessIdentity } from '../../platform/processes.ts';
import type { CageIdentity, NetworkWay } from '../backend.ts';
import { confinedCommand, CONFINED_FDS, nodeProgram, readOnlyMounts } from './confined-command.ts';
import { answerOf, confinedProcess, endConfined, startConfined } from './confined-process.ts';
import { GATE_INSIDE } from './gate-entrance.ts';
import { gateSockets, RUN_FILES } from './layout.ts';
import { writeConfinement } from './run-files.ts';
import type { Tools } from './tools.ts';

const START_TIMEOUT_MS = 15_000;

/** What the program is told; the handle of the listener comes with the first. */
export type ForwardRequest = { type: 'forward'; cagePort: number; isGated: boolean } | { type: 'go' };

export interface ForwarderLaunch {
  identity: CageIdentity;
  callerIsRoot: boolean;
  network: NetworkWay;
  cagePort: number;
  /** Where the seccomp filter and the log lie. */
  runDirectory: string;
}

export interface StartedForwarder {
  process: ProcessIdentity;
  /** It lives on without this process, from when this resolves. */
  letGo(): Promise<void>;
}

/** Resolves when it forwards; `listener` is closed here whatever happens. Throws E_BACKEND. */
export async function startForwarder(
  launch: ForwarderLaunch,
  listener: Server,
  tools: Tools,
  path: string,
): Promise<StartedForwarder> {
  const child = spawnForwarder(launch, tools, path);
  const wrapper = child.pid === undefined ? undefined : identifyProcess(child.pid);
  try {
    if (wrapper === undefined) throw forwarderFailure('its process could not be started');
    await untilForwarding(child, launch, listener);
    const process = confinedProcess(wrapper);
    if (process === undefined) throw forwarderFailure('its process is gone');
    return {
      process,
      letGo: () =>
        new Promise((gone) => {
          child.send({ type: 'go' } satisfies ForwardRequest, () => {
            if (child.connected) child.disconnect();
            child.unref();
            gone();
          });
        }),
    };
  } catch (error) {
    if (wrapper !== undefined) await endConfined(wrapper);
    throw error;
  } finally {
    listener.close();
  }
}

function spawnForwarder(launch: ForwarderLaunch, tools: Tools, path: string): ChildProcess {
  const { identity, callerIsRoot, network, runDirectory } = launch;
  // Also of a cage that an earlier version started.
  writeConfinement(runDirectory);
  const filterFile = join(runDirectory, RUN_FILES.egressFilter);
  const command = confinedCommand(
    {
      ...{
        identity,
        callerIsRoot,
        runDirectory,
        network: network === 'gate' ? 'none' : network,
        directories: ['/forwarder'],
      },
      // By a path of the cage in its command line it is found for one of this cage when all else is lost.
      mounts: readOnlyMounts([
        [filterFile, '/forwarder/filter'],
        ...(network === 'gate' ? [[gateSockets(runDirectory), GATE_INSIDE] as const] : []),
      ]),
      environment: [
        ['NODE_CHANNEL_FD', String(CONFINED_FDS.channel)],
        ['NODE_CHANNEL_SERIALIZATION_MODE', 'json'],
      ],
      argv: nodeProgram('backends/packed/forward-port.js', ['--v8-pool-size=1']),
    },
    tools,
  );
  return startConfined({ command, runDirectory, log: 'ports.log', channel: 'ipc' }, path);
}

async function untilForwarding(
  child: ChildProcess,
  { cagePort, network }: ForwarderLaunch,
  listener: Server,
): Promise<void> {
  const request: ForwardRequest = { type: 'forward', cagePort, isGated: network === 'gate' };
  const sent = new Promise<void>((resolvePromise, reject) => {
    child.send(request, listener, {}, (error) => {
      if (error === null) resolvePromise();
      else reject(forwarderFailure(error.message));
    });
  });
  await Promise.all([sent, answerOf(child, START_TIMEOUT_MS, forwarderFailure, () => true)]);
}

function forwarderFailure(because: string): IronError {
  return new IronError('E_BACKEND', {
    message: 'a port of the cage could not be published',
    because: `the program that forwards it could not be started: ${because}`,
    hint: 'ports.log in the cage’s run directory and `ironcage doctor` say more; without --port, or after `ironcage ports CAGE rm PORT`, the cage starts',
  });
}
