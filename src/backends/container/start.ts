// Starts the container of a cage: files, container, listeners in its network, certificates. Nothing of the agent's runs in it
// before all of that is done: its first process only sleeps.
import { chownSync, lchownSync, lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import type { ProcessIdentity } from '../../platform/processes.ts';
import { afterThis } from '../../platform/settled.ts';
import type { CagePlan, GvisorSandbox, RunningCage, StartedCage, StartHooks } from '../backend.ts';
import { guardedPaths } from '../host/inner-mounts.ts';
import { RUN_FILES } from '../host/layout.ts';
import type { HandOver } from '../host/opened-listeners.ts';
import { layTrust, writePublic, writeRunFiles, writeTrust } from '../host/run-files.ts';
import { CONTAINER_FILES, enforcementOf, placesOf } from './arguments.ts';
import type { Engine } from './engine.ts';
import { noteEntry } from './entry-record.ts';
import { requireFirstProcess } from './first-process.ts';
import { createHoldProgram } from './hold-program.ts';
import { joinCommand } from './join.ts';
import { openAhead, openInside } from './inside-network.ts';
import type { ListenersAhead } from './listeners-ahead.ts';
import type { ContainerSite } from './site.ts';
import { startContainer } from './made-container.ts';
import { createSeccompProfile } from './seccomp-profile.ts';
import { labelForContainers } from './selinux.ts';
import { sudoersText } from './sudo.ts';
import { tightenMounts } from './tighten-mounts.ts';

/** What a failure leaves is for the caller to end: it knows the container before it calls. */
export async function startContainerCage(site: ContainerSite, hooks: StartHooks): Promise<StartedCage> {
  const raising = raiseContainer(site, hooks);
  const trusting = hooks.certificate().then((pem) => writeTrust(site.plan.runDirectory, pem));
  // A failure is told once nothing is being started any more: of the listeners, or here.
  trusting.catch(() => undefined);
  const running = await raising;
  await trusting;
  return running;
}

/** All of a start but the certificates, which its egress makes. */
export async function raiseContainer(
  site: ContainerSite,
  hooks: Omit<StartHooks, 'certificate'>,
): Promise<RunningCage> {
  const { plan, engine } = site;
  const limits = enforcementOf(plan.limits, engine.limits);
  writeContainerFiles(plan);
  guardWays(plan);
  await labelForContainers(plan, site.path);
  const handOver: HandOver = (request, handle) => hooks.listener(request, handle);
  const ahead = openAhead(site, handOver);
  try {
    const { init, id } = await startContainer(plan, site.container, engine, site.tools.node, ahead.lookAmong);
    hooks.holderKnown(init, []);
    return { ...(await furnish(site, init, id, handOver, ahead)), limits };
  } finally {
    ahead.drop();
  }
}

async function furnish(
  { plan, container, engine, tools, path }: ContainerSite,
  init: ProcessIdentity,
  id: string,
  handOver: HandOver,
  ahead: ListenersAhead,
): Promise<Omit<RunningCage, 'limits'>> {
  const sandbox = await requireFirstProcess(init, container.identity, id, plan.identity.rootUid);
  const gate = engine.gated
    ? await (await import('./gate-container.ts')).startGate(plan, container, engine, tools, init, handOver)
    : undefined;
  if (gate === undefined) {
    const tighten = (): Promise<void> =>
      tightenMounts(
        init,
        {
          join: joinCommand(init, engine, tools, engine.rootless ? ['--mount'] : []),
          ...{ runDirectory: plan.runDirectory, sh: tools.sh, path },
        },
        plan.identity.rootUid === undefined ? [] : ['/'],
      );
    await Promise.all([
      // First, and the others a turn later: the egress answers for each listener before it is sent the next.
      container.identity.router ?? openInside(plan, init, engine, tools, path, handOver, ahead),
      // The mounts of a sandbox are its own kernel's, which knows neither devices nor set-uid files of this machine.
      sandbox ?? afterThis().then(tighten),
      isEnteredDirectly(plan, engine, sandbox)
        ? afterThis().then(() => noteEntry(plan.runDirectory, init, engine.kind, path))
        : undefined,
    ]);
  }
  return { container: container.identity, ...(sandbox && { sandbox }), holder: init, init, gate, cgroups: [] };
}

/** Whose user namespace is this machine's, and which has no right that a program could keep. */
function isEnteredDirectly(plan: CagePlan, { rootless }: Engine, sandbox: GvisorSandbox | undefined): boolean {
  return plan.callerIsRoot && !rootless && sandbox === undefined && plan.identity.rootUid === undefined;
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
  layTrust(plan.runDirectory);
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
