// The container of a plan, started: the one that is there, or one that is made now. Its first process is found without a further call
// of the engine's command line where that is possible: such a call takes as long as many a start.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTextIfPresent, writeFileAtomic } from '../../platform/files.ts';
import { fieldsOf, parseJson } from '../../platform/json.ts';
import { identifyProcess, type ProcessIdentity, type RunResult } from '../../platform/processes.ts';
import type { CagePlan, ContainerPlan } from '../backend.ts';
import { networkDevices } from '../host/cage-network.ts';
import { createArguments } from './arguments.ts';
import { askDocker } from './docker-socket.ts';
import { askEngine, callEngine, engineFailure, type Engine } from './engine.ts';
import { dockerMembers } from './docker-members.ts';
import { isFirstOfItsOwn, sharesKernel } from './first-process.ts';
import { goneMeanwhile } from './gone-meanwhile.ts';
import type { Candidates } from './listeners-ahead.ts';
import { createSeccompProfile } from './seccomp-profile.ts';
import { removeContainer } from './stop.ts';

/** The label with a digest of what a container was made from: one that no longer fits its plan is made anew. */
const PLAN_LABEL = 'ironcage.plan';

/**
 * Starts the container that is there, or makes it: new where there is none, and anew where it was made from another plan. Resolves with
 * its first process by its number on this machine, which is not looked at yet. `early` is told, before the engine is asked to start it,
 * among which processes it will be.
 */
export async function startContainer(
  plan: CagePlan,
  container: ContainerPlan,
  engine: Engine,
  node: string,
  early: (candidates: Candidates) => void,
): Promise<{ init: ProcessIdentity; id: string }> {
  const args = createArguments(plan, container, { openFiles: openFilesLimit(), node });
  // The engine keeps its own copy of the filter.
  const made = JSON.stringify([args, createSeccompProfile(process.arch)]);
  const digest = createHash('sha256').update(made).digest('hex');
  const site = {
    container,
    engine,
    digest,
    args,
    pidFile: join(plan.runDirectory, `${digest.slice(0, 16)}.pid`),
    cwd: plan.runDirectory,
    early,
  };
  const known = readTextIfPresent(container.note);
  const [knownDigest, knownId] = known?.split(' ') ?? [];
  const there = knownDigest === digest ? await startMade(site, knownId) : undefined;
  // One that does not fit has run nothing but its first process when it is seen.
  const found = there !== undefined && isWithoutNetwork(there.pid) ? there : await makeAnew(site, known !== undefined);
  const init = found !== undefined && found.pid > 1 ? identifyProcess(found.pid) : undefined;
  if (found === undefined || init === undefined) throw goneMeanwhile();
  return { init: { pid: init.pid, startTicks: init.startTicks }, id: found.id };
}

/** A container by its plan: `digest` is of all it is made from, and stands in the name of the file with its first process. */
interface Site {
  container: ContainerPlan;
  engine: Engine;
  digest: string;
  args: readonly string[];
  pidFile: string;
  /** Podman's monitor stays where it was called from, and leaves a file there when the kernel ends a program for its memory. */
  cwd: string;
  early: (candidates: Candidates) => void;
}

interface Found {
  pid: number;
  /** The engine's own of the container; empty where nobody asks for it. */
  id: string;
}

async function makeAnew(site: Site, isKnown: boolean): Promise<Found | undefined> {
  const { container, engine, digest, args, pidFile, cwd } = site;
  if (isKnown) await removeContainer(container.identity, engine);
  const label = ['--label', `${PLAN_LABEL}=${digest}`];
  const command =
    engine.kind === 'podman'
      ? ['run', '--detach', '--pidfile', pidFile, ...label, ...args]
      : ['create', ...label, ...args];
  watchPodman(site);
  const first = await callEngine(engine, command, { cwd });
  // A start that was killed may have left one that nobody noted.
  const isTaken = first.exitCode !== 0 && /is already in use/i.test(first.stderr);
  if (isTaken) await removeContainer(container.identity, engine);
  const last = isTaken ? await callEngine(engine, command, { cwd }) : first;
  if (last.exitCode !== 0) throw engineFailure(engine, 'make the container', last);
  const id = last.stdout.toString('utf8').trim();
  writeFileAtomic(container.note, `${digest} ${id}`);
  if (engine.kind === 'podman') return findPodman(site);
  const started = await startDocker(site, id);
  if (started.exitCode !== 0) throw engineFailure(engine, 'start the container', started);
  return findDocker(site, id);
}

/** Undefined where there is none of this plan. */
async function startMade(site: Site, id: string | undefined): Promise<Found | undefined> {
  const { container, engine, cwd } = site;
  const isPodman = engine.kind === 'podman';
  watchPodman(site);
  const started = isPodman
    ? await callEngine(engine, ['start', container.identity.name], { cwd })
    : await startDocker(site, id);
  if (started.exitCode !== 0) return undefined;
  return isPodman ? findPodman(site) : findDocker(site, id);
}

async function startDocker({ container, engine, early }: Site, id = ''): Promise<RunResult> {
  if (isId(id)) early(() => dockerMembers(id));
  const which = isId(id) ? id : container.identity.name;
  return (await askDocker(engine, 'POST', `/containers/${which}/start`)) ?? callEngine(engine, ['start', which]);
}

function isId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Its monitor writes the file a moment before the process becomes the container's program. */
function watchPodman({ engine, pidFile, early }: Site): void {
  if (engine.kind === 'podman') early(() => notedIn(pidFile));
}

function notedIn(pidFile: string): number[] {
  return [Number(readTextIfPresent(pidFile))].filter((pid) => Number.isSafeInteger(pid) && pid > 1);
}

/** By the file that Podman writes for whatever was made of this plan, and for nothing else. */
async function findPodman({ container, engine, pidFile }: Site): Promise<Found | undefined> {
  const [pid] = notedIn(pidFile);
  if (pid === undefined) return undefined;
  const { name, runtime } = container.identity;
  if (runtime?.kind !== 'gvisor') return { pid, id: '' };
  return { pid, id: await askEngine(engine, ['container', 'inspect', '--format', '{{.Id}}', name], LOOKING) };
}

const LOOKING = 'look at the container';

async function findDocker({ container, engine, digest }: Site, known = ''): Promise<Found | undefined> {
  const { name, runtime } = container.identity;
  // The id stands for the digest with which it was noted, and the kernel tells the process sooner than the daemon.
  const first = isId(known) && sharesKernel(runtime) ? dockerMembers(known).find(isFirstOfItsOwn) : undefined;
  if (first !== undefined) return { pid: first, id: known };
  const asked =
    (await askDocker(engine, 'GET', `/containers/${name}/json`)) ??
    (await callEngine(engine, ['container', 'inspect', '--format', '{{json .}}', name]));
  if (asked.exitCode !== 0) throw engineFailure(engine, LOOKING, asked);
  const told = fieldsOf(parseJson(asked.stdout.toString('utf8')));
  const { Id: id, State: state, Config: config } = told;
  const pid = fieldsOf(state)['Pid'];
  if (typeof id !== 'string' || typeof pid !== 'number') throw goneMeanwhile();
  return fieldsOf(fieldsOf(config)['Labels'])[PLAN_LABEL] === digest ? { pid, id } : undefined;
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

const MOST_OPEN_FILES = 1_048_576;

/** The caller's own hard limit: an engine cannot give more to a container than it has itself. */
function openFilesLimit(): number {
  const hard = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  const value = hard === 'unlimited' ? MOST_OPEN_FILES : Number(hard);
  return Number.isSafeInteger(value) && value > 0 ? Math.min(value, MOST_OPEN_FILES) : 1024;
}
