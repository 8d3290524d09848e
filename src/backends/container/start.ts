// Starts the container of a cage: files, container, listeners in its network, certificates. Nothing of the agent's runs in it
// before all of that is done: its first process only sleeps.
import { createHash } from 'node:crypto';
import { chownSync, lchownSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import { identifyProcess, type ProcessIdentity } from '../../platform/processes.ts';
import type { CagePlan, ContainerPlan, GvisorSandbox, RunningCage, StartedCage, StartHooks } from '../backend.ts';
import type { Tools } from '../host/tools.ts';
import { networkDevices } from '../host/cage-network.ts';
import { guardedPaths } from '../host/inner-mounts.ts';
import { PROGRAMS_DIRECTORY, RUN_FILES } from '../host/layout.ts';
import { openListeners, type HandOver } from '../host/opened-listeners.ts';
import { writePublic, writeRunFiles, writeTrust } from '../host/run-files.ts';
import { CONTAINER_FILES, createArguments, enforcementOf, placesOf } from './arguments.ts';
import { writeCalls } from './call-list.ts';
import { askEngine, callEngine, type Engine } from './engine.ts';
import { noteEntry } from './entry-record.ts';
import { requireFirstProcess } from './first-process.ts';
import { startGate } from './gate-container.ts';
import { goneMeanwhile } from './gone-meanwhile.ts';
import { createHoldProgram } from './hold-program.ts';
import { joinCommand } from './join.ts';
import { networkCalls } from './network-calls.ts';
import { connectRouter, disconnectRouter, refuseOpen, requireRouting, startRouter } from './router.ts';
import { createSeccompProfile } from './seccomp-profile.ts';
import { labelForContainers } from './selinux.ts';
import { removeContainer } from './stop.ts';
import { sudoersText } from './sudo.ts';
import { tightenMounts } from './tighten-mounts.ts';

/** The label with a digest of what a container was made from: one that no longer fits its plan is made anew. */
const PLAN_LABEL = 'ironcage.plan';

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

/**
 * Starts the container that is there, or makes it: new where there is none, and anew where it was made from another plan. Resolves with
 * its first process by its number on this machine, which is not looked at yet.
 */
async function startContainer(
  plan: CagePlan,
  container: ContainerPlan,
  engine: Engine,
  node: string,
): Promise<{ init: ProcessIdentity; id: string }> {
  const { name } = container.identity;
  const args = createArguments(plan, container, { openFiles: openFilesLimit(), node });
  // The engine keeps its own copy of the filter.
  const made = JSON.stringify([args, createSeccompProfile(process.arch)]);
  const digest = createHash('sha256').update(made).digest('hex');
  // Most often it is there and fits: one that does not has run nothing but its first process when it is seen.
  const started = await callEngine(engine, ['start', name]);
  let [pid, id, label] = started.exitCode === 0 ? await inspectContainer(engine, name) : [0, '', ''];
  if (label !== digest || !isWithoutNetwork(pid)) {
    // Its gate may be there without it.
    const isAbsent = !engine.gated && /no such container/i.test(started.stderr);
    if (!isAbsent) await removeContainer(container.identity, engine);
    await askEngine(engine, ['create', '--label', `${PLAN_LABEL}=${digest}`, ...args], 'make the container');
    await askEngine(engine, ['start', name], 'start the container');
    [pid, id, label] = await inspectContainer(engine, name);
  }
  const init = Number.isSafeInteger(pid) && pid > 1 ? identifyProcess(pid) : undefined;
  if (init === undefined || label !== digest) throw goneMeanwhile();
  return { init: { pid: init.pid, startTicks: init.startTicks }, id };
}

/** A hand may have told the engine to give it a network with every start. */
function isWithoutNetwork(pid: number): boolean {
  try {
    return networkDevices({ pid }).length === 0;
  } catch {
    // Ended already: what is made anew will say why.
    return false;
  }
}

async function inspectContainer(engine: Engine, name: string): Promise<[pid: number, id: string, digest: string]> {
  const format = `{{.State.Pid}} {{.Id}} {{index .Config.Labels "${PLAN_LABEL}"}}`;
  const answer = await askEngine(engine, ['container', 'inspect', '--format', format, name], 'look at the container');
  const [pid, id = '', digest = ''] = answer.trim().split(' ');
  return [Number(pid), id, digest];
}

const MOST_OPEN_FILES = 1_048_576;

/** The caller's own hard limit: an engine cannot give more to a container than it has itself. */
function openFilesLimit(): number {
  const hard = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  const value = hard === 'unlimited' ? MOST_OPEN_FILES : Number(hard);
  return Number.isSafeInteger(value) && value > 0 ? Math.min(value, MOST_OPEN_FILES) : 1024;
}
