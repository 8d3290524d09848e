// Is everything here that a cage needs, and what did crashes leave behind?
import { probeEngines } from '../backends/container/detect.ts';
import { probeNative } from '../backends/native/probe.ts';
import type { ProbeResult } from '../backends/backend.ts';
import { errorMessage, IronError } from '../platform/errors.ts';
import { isBackingUp } from './backup-journal.ts';
import type { Context } from './context.ts';
import { isChangingDirs } from './dirs-journal.ts';
import { isHeld } from './held-journal.ts';
import { isRewinding } from './rewind-journal.ts';
import { hasHalfMadeCopies } from './snapshot-store.ts';
import { findStrayContainers, removeEngineHoldings } from './engine-holdings.ts';
import { ensureRunning } from './ensure-running.ts';
import { listHomeProfiles } from './home-profiles.ts';
import { formatPort, isSamePort, type PublishedPort } from './published-port.ts';
import { missingPorts } from './published.ts';
import { repairCage, stateHealth } from './repair.ts';
import { stopStrays } from '../backends/native/stop.ts';
import { restoresUnderWay } from './restore-journal.ts';
import {
  cageExists,
  cagePaths,
  listCageNames,
  openDataRoot,
  readCageState,
  readSpec,
  withCageLock,
  writeCageState,
} from './store.ts';
import { halfDeleted, listTrash } from './trash.ts';

export interface DoctorReport {
  ok: boolean;
  checks: readonly ProbeResult[];
  repaired: readonly string[];
}

const LEAST_NODE = [20, 19] as const;

/** Looks at the machine and at every cage; with `fix`, repairs what a crash left. Never touches unexported work. */
export async function doctor(context: Context, { fix }: { fix: boolean }): Promise<DoctorReport> {
  const checks: ProbeResult[] = [
    nodeCheck(),
    dataRootCheck(context),
    ...(await probeNative(context.environment)),
    ...(await probeEngines(context.environment)),
  ];
  const repaired: string[] = [];
  for (const name of listCageNames(context)) {
    const failure = fix ? await repair(context, name, repaired) : undefined;
    checks.push(failure ?? (await cageCheck(context, name)));
  }
  for (const name of restoresUnderWay(context)) {
    if (fix) repaired.push(...(await withCageLock(context, name, () => repairCage(context, name))));
    else
      checks.push({
        id: `restore.${name}`,
        status: 'warn',
        what: `a restore of ${name} was interrupted, or is under way`,
        hint: 'ironcage doctor --fix finishes it, or takes away what it unpacked',
      });
  }
  checks.push(...trashCheck(context));
  for (const { name, cages } of await listHomeProfiles(context)) {
    const what = cages.length === 0 ? 'no cage; ironcage profiles rm removes it' : cages.join(', ');
    checks.push({ id: `profile.${name}`, status: 'ok', what: `the shared home ${name} is used by ${what}`, hint: '' });
  }
  for (const stray of await findStrayContainers(context)) {
    const { container, cage } = stray;
    if (fix) {
      await stray.remove();
      repaired.push(`took away the container ${container} of ${cage}, which is no more`);
    } else {
      checks.push({
        id: `container.${container}`,
        status: 'warn',
        what: `the container ${container} is of a cage ${cage} that is no more`,
        hint: 'ironcage doctor --fix takes it away; no work is in it',
      });
    }
  }
  return { ok: checks.every(({ status }) => status !== 'fail'), checks, repaired };
}

function nodeCheck(): ProbeResult {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  return enough
    ? { id: 'node', status: 'ok', what: `Node ${process.versions.node}`, hint: '' }
    : {
        id: 'node',
        status: 'fail',
        what: `Node ${process.versions.node} is too old`,
        hint: `install Node ${LEAST_NODE.join('.')} or newer`,
      };
}

function dataRootCheck(context: Context): ProbeResult {
  try {
    openDataRoot(context);
    return { id: 'data-root', status: 'ok', what: `data root ${context.dataRoot}`, hint: '' };
  } catch (error) {
    return {
      id: 'data-root',
      status: 'fail',
      what: errorMessage(error),
      hint: `make ${context.dataRoot} a directory that only you can write`,
    };
  }
}

function trashCheck(context: Context): ProbeResult[] {
  const [cages, half] = [listTrash(context).length, halfDeleted(context).length];
  const hint = 'ironcage prune --dry-run shows what lies there';
  const id = 'trash';
  if (half > 0) return [{ id, status: 'warn', what: `${half} in the trash half deleted`, hint: 'ironcage prune' }];
  return cages === 0 ? [] : [{ id, status: 'ok', what: `${cages} removed cages in the trash`, hint }];
}

async function cageCheck(context: Context, name: string): Promise<ProbeResult> {
  const id = `cage.${name}`;
  try {
    const health = stateHealth(readCageState(context, name));
    if (health === 'creating' || health === 'removing' || health === 'broken') {
      return {
        id,
        status: 'warn',
        what: `${name}: an interrupted command left it ${health}`,
        hint: 'ironcage doctor --fix, or any command on it, repairs that',
      };
    }
    if (health === 'degraded') {
      return {
        id,
        status: 'warn',
        what: `${name}: its egress has ended, so that it has no network`,
        hint: `ironcage start ${name}, ironcage doctor --fix, or the next run or exec starts another`,
      };
    }
    const missing = health === 'running' ? await missingPortsOf(context, name) : [];
    if (missing.length > 0) {
      return {
        id,
        status: 'warn',
        what: `${name}: what forwards ${missing.map(formatPort).join(', ')} has ended`,
        hint: `ironcage start ${name}, ironcage doctor --fix, or the next run or exec starts it again`,
      };
    }
    await readSpec(context, name);
    const pending = PENDING.find(({ isPending }) => isPending(context, name));
    if (pending !== undefined) {
      return {
        id,
        status: 'warn',
        what: `${name}: an interrupted command left ${pending.left}`,
        hint: 'ironcage doctor --fix, or any command on it, repairs that',
      };
    }
    return { id, status: 'ok', what: `${name} is ${health}`, hint: '' };
  } catch (error) {
    const hint = error instanceof Error && 'hint' in error ? String(error.hint) : 'ironcage doctor --fix';
    return { id, status: 'fail', what: `${name}: ${errorMessage(error)}`, hint };
  }
}

/** What a command was in the middle of that a crash ended. */
const PENDING: readonly { isPending: (context: Context, name: string) => boolean; left: string }[] = [
  { isPending: isHeld, left: 'its programs held still' },
  { isPending: isRewinding, left: 'a rewind of it half done' },
  { isPending: isBackingUp, left: 'a half-made backup of it' },
  { isPending: isChangingDirs, left: 'a directory of it half added or half removed' },
  { isPending: hasHalfMadeCopies, left: 'a half-made copy of its files' },
];

async function missingPortsOf(context: Context, name: string): Promise<PublishedPort[]> {
  return missingPorts(await readSpec(context, name), readCageState(context, name));
}

/** What it could not repair, as a check; what it did goes into `repaired`. */
async function repair(context: Context, name: string, repaired: string[]): Promise<ProbeResult | undefined> {
  try {
    repaired.push(...(await repairLocked(context, name)));
    return undefined;
  } catch (error) {
    const hint = error instanceof IronError ? error.hint : 'try again';
    return { id: `cage.${name}`, status: 'fail', what: `${name} cannot be repaired: ${errorMessage(error)}`, hint };
  }
}

async function repairLocked(context: Context, name: string): Promise<string[]> {
  return withCageLock(context, name, async () => {
    try {
      readCageState(context, name);
    } catch {
      // Unreadable: which processes it named is lost with it, but not by what command they were started.
      await stopStrays(cagePaths(context, name).root);
      await removeEngineHoldings(context, name);
      writeCageState(context, name, { phase: 'stopped' });
      return [`wrote the state of ${name} anew`, ...(await repairCage(context, name))];
    }
    const repaired = await repairCage(context, name);
    const health = cageExists(context, name) ? stateHealth(readCageState(context, name)) : 'stopped';
    const missing = health === 'running' ? await missingPortsOf(context, name) : [];
    if (health !== 'degraded' && missing.length === 0) return repaired;
    await ensureRunning(context, name, { stopWhenIdle: true });
    if (health === 'degraded') return [...repaired, `started the egress of ${name} again`];
    const still = await missingPortsOf(context, name);
    const again = missing.filter((port) => !still.some((other) => isSamePort(other, port)));
    return [...repaired, ...again.map((port) => `published ${formatPort(port)} of ${name} again`)];
  });
}
