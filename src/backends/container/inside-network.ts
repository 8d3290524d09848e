// The network of a container: `lo` that leads every address to a listener of the egress, and the listeners themselves.
import { join } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import { run, type ProcessIdentity } from '../../platform/processes.ts';
import { afterThis, settleAll } from '../../platform/settled.ts';
import { printableLine } from '../../platform/text.ts';
import type { CagePlan } from '../backend.ts';
import { PROGRAMS_DIRECTORY } from '../host/layout.ts';
import { openerCommand, openListeners, type HandOver } from '../host/opened-listeners.ts';
import type { Tools } from '../host/tools.ts';
import { createCallProgram, END, step, writeCalls } from '../host/call-list.ts';
import type { Engine } from './engine.ts';
import { sharesKernel } from './first-process.ts';
import { joinCommand } from './join.ts';
import { listenersAhead, NOTHING_AHEAD, type ListenersAhead } from './listeners-ahead.ts';
import { CALLS } from '../host/kernel-numbers.ts';
import { networkCalls } from '../host/network-calls.ts';
import type { ContainerSite } from './site.ts';

/** What a host command line begins with to run in the network of a container. */
export function networkCommand(init: ProcessIdentity, engine: Pick<Engine, 'rootless'>, tools: Tools): string[] {
  return joinCommand(init, engine, tools, [`--net=/proc/${init.pid}/ns/net`]);
}

const FREE = 3;

/** Sets the network up and opens its listeners; once more for a new egress as for its first. */
export async function openInside(
  plan: Pick<CagePlan, 'runDirectory' | 'listeners'>,
  init: ProcessIdentity,
  engine: Pick<Engine, 'rootless'>,
  tools: Tools,
  path: string,
  handOver: HandOver,
  ahead: ListenersAhead = NOTHING_AHEAD,
): Promise<void> {
  const prefix = networkCommand(init, engine, tools);
  const open = (...command: readonly string[]): Promise<void> =>
    openListeners([...prefix, ...command, ...openerCommand(plan, tools.node)], plan.listeners, path, handOver);
  const calls = writeCalls(plan.runDirectory, 'network', (put) => [
    step('closing files', CALLS.closeRange, [FREE, 0xffff_ffff, 0]),
    ...networkCalls(put, FREE),
    END,
  ]);
  if (calls === undefined) return open(tools.sh, join(PROGRAMS_DIRECTORY, 'container/listeners.sh'));
  const opening = async (): Promise<void> => ((await ahead.settle(init)) ? undefined : open());
  await settleAll([opening(), afterThis().then(() => setUp([...prefix, ...calls], path))]);
}

async function setUp([program = '', ...args]: readonly string[], path: string): Promise<void> {
  const { exitCode, stderr } = await run(program, args, { env: { PATH: path }, timeoutMs: 20_000 });
  if (exitCode === 0) return;
  throw new IronError('E_EGRESS', {
    message: 'the network of the cage could not be set up',
    because: printableLine(stderr.trim()) || `its program ended with ${exitCode ?? 'a signal'}`,
    hint: 'without it the cage has no network: ironcage restart',
  });
}

/** Of a container that is about to be started. Whose namespaces belong to another, and what is no process here, is not looked for. */
export function openAhead({ plan, container, engine, tools, path }: ContainerSite, handOver: HandOver): ListenersAhead {
  const { router, runtime } = container.identity;
  const isProcess = !engine.rootless && !engine.gated && sharesKernel(runtime);
  if (!isProcess || router !== undefined || createCallProgram(process.arch) === undefined) return NOTHING_AHEAD;
  const opener = openerCommand(plan, tools.node);
  const command = (network: string): string[] => [tools.nsenter, `--net=${network}`, '--', ...opener];
  return listenersAhead(command, plan.listeners, path, handOver);
}
