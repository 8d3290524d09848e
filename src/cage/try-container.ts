// Tries what is not an engine's usual way before a cage is made of it: a whole start over empty directories, gates and all,
// that is taken back. What fails in it fails before anything is made.
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CagePlan, ContainerPlan, ContainerRuntime, StartHooks } from '../backends/backend.ts';
import type { Engine } from '../backends/container/engine.ts';
import { raiseContainer } from '../backends/container/start.ts';
import { removeContainer } from '../backends/container/stop.ts';
import { findTools, searchPath } from '../backends/host/tools.ts';
import type { Context } from './context.ts';
import { cageIdentity, currentCaller, drawSlot } from './identity.ts';
import { DNS_PORT, PROXY_PORT } from './policy.ts';

interface Trial {
  image: string;
  runtime: ContainerRuntime | undefined;
  sudo: boolean;
}

/** Throws what keeps such a container from being a cage's. What an interrupted trial leaves, `doctor` finds by its label. */
export async function tryContainer(context: Context, engine: Engine, trial: Trial): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-trial-'));
  try {
    const plan = trialPlan(context, engine, trial, directory);
    const path = searchPath(context.environment);
    try {
      const tools = findTools(context.environment, process.execPath);
      await raiseContainer({ plan, container: plan.container, engine, tools, path }, HOOKS);
    } finally {
      await removeContainer(plan.container.identity, engine);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const HOOKS: Omit<StartHooks, 'certificate'> = {
  listener: async (_request, handle) => void handle.close(),
  holderKnown: () => undefined,
};

function trialPlan(
  context: Context,
  { kind, selectors, rootless, gated, limits }: Engine,
  { image, runtime, sudo }: Trial,
  directory: string,
): CagePlan & { container: ContainerPlan } {
  const caller = currentCaller();
  const identity = cageIdentity(caller, { slot: drawSlot(caller), backend: kind, ...(sudo && { sudo }) });
  const name = `trial-${randomBytes(6).toString('hex')}`;
  const at = (part: string): string => {
    const path = join(directory, part);
    mkdirSync(path);
    if (caller.uid === 0) chownSync(path, identity.uid, identity.gid);
    return path;
  };
  // A cage of root's runs as somebody else.
  chmodSync(directory, 0o755);
  return {
    ...{ name, identity, callerIsRoot: caller.uid === 0, binds: [], masks: [], env: {} },
    ...{
      runDirectory: join(directory, 'run'),
      tmpDirectory: at('tmp'),
      busDirectory: at('bus'),
      homeDirectory: at('home'),
    },
    homeTarget: '/home/agent',
    workspaces: [{ kind: 'directory', source: at('work'), target: '/srv/trial', writable: true }],
    limits: { memoryBytes: undefined, pids: limits.pids ? TRIAL_PIDS : undefined, cpus: undefined },
    listeners: [
      { purpose: 'proxy', port: PROXY_PORT },
      { purpose: 'dns-udp', port: DNS_PORT },
    ],
    container: {
      identity: { engine: kind, name: `ironcage-${name}`, selectors, rootless, gated, limits, runtime },
      image,
      labels: { 'ironcage.cage': name, 'ironcage.data-root': context.dataRoot },
      note: join(directory, 'container.digest'),
    },
  };
}

const TRIAL_PIDS = 256;
