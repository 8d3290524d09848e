// Starts the container of a cage: files, container, listeners in its network, certificates. Nothing of the agent's runs in it
// before all of that is done: its first process only sleeps.
import { chownSync, lchownSync, lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import type { ProcessIdentity } from '../../platform/processes.ts';
import type { CagePlan, ContainerPlan, GvisorSandbox, RunningCage, StartedCage, StartHooks } from '../backend.ts';
import type { Tools } from '../host/tools.ts';
import { guardedPaths } from '../host/inner-mounts.ts';
import { PROGRAMS_DIRECTORY, RUN_FILES } from '../host/layout.ts';
import { openListeners, type HandOver } from '../host/opened-listeners.ts';
import { writePublic, writeRunFiles, writeTrust } from '../host/run-files.ts';
import { CONTAINER_FILES, enforcementOf, placesOf } from './arguments.ts';
import { writeCalls } from './call-list.ts';
import type { Engine } from './engine.ts';
import { noteEntry } from './entry-record.ts';
import { requireFirstProcess } from './first-process.ts';
import { startGate } from './gate-container.ts';
import { createHoldProgram } from './hold-program.ts';
import { joinCommand } from './join.ts';
import { startContainer } from './made-container.ts';
import { networkCalls } from './network-calls.ts';
import { connectRouter, disconnectRouter, refuseOpen, requireRouting, startRouter } from './router.ts';
import { createSeccompProfile } from './seccomp-profile.ts';
import { labelForContainers } from './selinux.ts';
import { sudoersText } from './sudo.ts';
import { tightenMounts } from './tighten-mounts.ts';

/** A container that is to be: what it is made from, and with what. */
export interface ContainerSite {
  plan: CagePlan;
  container: ContainerPlan;
  engine: Engine;
  tools: Tools;
  /** PATH for the host programs that are started. */
  path: string;
}

/** What a failure leaves is for the caller to end: it knows the container before it calls. */
export async function startContainerCage(site: ContainerSite, hooks: StartHooks): Promise<StartedCage> {
  if (site.container.identity.router !== undefined) return startOpenCage(site, hooks);
  const running = await raiseContainer(site, hooks);
  writeTrust(site.plan.runDirectory, await hooks.certificate());
  return running;
}

/** With a router in the place of an egress; nothing of its traffic is told to anybody. */
async function startOpenCage(site: ContainerSite, hooks: StartHooks): Promise<StartedCage> {
  requireRouting(site.path);
  refuseOpen(site.container.identity);
  const raised = await raiseContainer(site, hooks);
  return { ...raised, router: await startConnected(site, raised.init) };
}

/** Another router for an open cage that lives and has lost its own. */
export async function replaceRouter(site: ContainerSite, init: ProcessIdentity): Promise<ProcessIdentity> {
  const { engine, tools, path } = site;
  await disconnectRouter(engine, init, tools, path);
  return startConnected(site, init);
}

async function startConnected(
  { plan, container, engine, tools, path }: ContainerSite,
  init: ProcessIdentity,
): Promise<ProcessIdentity> {
  const router = await startRouter(plan, container, engine);
  await connectRouter(plan, engine, init, router, tools, path);
  return router.process;
}

/** All of a start but the certificates, which its egress makes. */
export async function raiseContainer(
  { plan, container, engine, tools, path }: ContainerSite,
  hooks: Omit<StartHooks, 'certificate'>,
): Promise<RunningCage> {
  const limits = enforcementOf(plan.limits, engine.limits);
  writeContainerFiles(plan);
  guardWays(plan);
  await labelForContainers(plan, path);
  const { init, id } = await startContainer(plan, container, engine, tools.node);
  hooks.holderKnown(init, []);
  const sandbox = await requireFirstProcess(init, container.identity, id, plan.identity.rootUid);
  const handOver: HandOver = (request, handle) => hooks.listener(request, handle);
  const gate = engine.gated ? await startGate(plan, container, engine, tools, init, handOver) : undefined;
  if (gate === undefined) {
    await Promise.all([
      // The mounts of a sandbox are its own kernel's, which knows neither devices nor set-uid files of this machine.
      sandbox ??
        tightenMounts(
          init,
          {
            join: joinCommand(init, engine, tools, engine.rootless ? ['--mount'] : []),
            ...{ runDirectory: plan.runDirectory, sh: tools.sh, path },
          },
          plan.identity.rootUid === undefined ? [] : ['/'],
        ),
      container.identity.router ?? openInside(plan, init, engine, tools, path, handOver),
      isEnteredDirectly(plan, engine, sandbox) ? noteEntry(plan.runDirectory, init, engine.kind, path) : undefined,
    ]);
  }
  return { container: container.identity, ...(sandbox && { sandbox }), holder: init, init, gate, limits, cgroups: [] };
}

/** Whose user namespace is this machine's, and which has no right that a program could keep. */
function isEnteredDirectly(plan: CagePlan, { rootless }: Engine, sandbox: GvisorSandbox | undefined): boolean {
  return plan.callerIsRoot && !rootless && sandbox === undefined && plan.identity.rootUid === undefined;
}

/** Opens listeners in the network of a container; once more for a new egress as for its first. */
export function openInside(
  { runDirectory, listeners }: Pick<CagePlan, 'runDirectory' | 'listeners'>,
  init: ProcessIdentity,
  engine: Pick<Engine, 'rootless'>,
  tools: Tools,
  path: string,
  handOver: HandOver,
): Promise<void> {
  const opener = [tools.node, join(PROGRAMS_DIRECTORY, 'packed/open-listeners.js')];
  const calls = writeCalls(runDirectory, 'network', (put) => networkCalls(opener, path, put));
  const script = [tools.sh, join(PROGRAMS_DIRECTORY, 'container/listeners.sh'), ...opener];
  return openListeners([...networkCommand(init, engine, tools), ...(calls ?? script)], listeners, path, handOver);
}

/** What a host command line begins with to run in the network of a container. */
export function networkCommand(init: ProcessIdentity, engine: Pick<Engine, 'rootless'>, tools: Tools): string[] {
  return joinCommand(init, engine, tools, [`--net=/proc/${init.pid}/ns/net`]);
}

function writeContainerFiles(plan: CagePlan): void {
  const path = (...names: string[]): string => join(plan.runDirectory, ...names);
  const profile = createSeccompProfile(process.arch);
  const hold = createHoldProgram(process.arch);
  if (profile === undefined || hold === undefined) {
    throw new IronError('E_PROTECTION', {
      message: `no system-call filter is known for ${process.arch}`,
      hint: 'container cages run on x86-64 and arm64',
    });
  }
  writeRunFiles(plan, '/bin/sh');
  writePublic(path(CONTAINER_FILES.profile), `${JSON.stringify(profile)}\n`);
  writePublic(path(RUN_FILES.trust, CONTAINER_FILES.hold), hold, 0o755);
  const { rootUid } = plan.identity;
  if (rootUid !== undefined) {
    writePublic(path(CONTAINER_FILES.sudoers), sudoersText(plan.identity), 0o440);
    chownSync(path(CONTAINER_FILES.sudoers), rootUid, rootUid);
  }
  // Mounted before the authority is known; filled in place.
  writePublic(path(RUN_FILES.trust, 'ca-bundle.pem'), '');
}

/** Mounts must not be led astray by what an earlier run left; nobody is inside who could change it after this look. */
function guardWays(plan: CagePlan): void {
  const { callerIsRoot, identity } = plan;
  for (const guarded of guardedPaths(plan, placesOf(plan))) {
    const path = guarded.replace(/\/$/, '');
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (entry?.isSymbolicLink() === true) {
      throw new IronError('E_PROTECTION', {
        message: 'something is to be mounted where the cage has put a link',
        because: `a link is in the way of a mount: ${path}`,
        hint: 'take that mount out of the cage’s options, or remove the link; with it in place the mount could land elsewhere',
      });
    }
    if (entry !== undefined || path === guarded) continue;
    mkdirSync(path);
    // In a project that is mounted another cage may be at work.
    if (callerIsRoot) lchownSync(path, identity.uid, identity.gid);
  }
}
