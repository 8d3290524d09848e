// What a crash left behind: seen by the next command that takes the cage's lock, and put right before it does anything.
import { isAlive } from '../platform/processes.ts';
import { removeTree, pathExists } from '../platform/files.ts';
import { repairApply } from '../workspace/repair-apply.ts';
import { endBackup, isBackingUp } from './backup-journal.ts';
import type { Context } from './context.ts';
import type { CageState } from './state.ts';
import { isChangingDirs, leaveProject, settleDirs } from './dirs-journal.ts';
import { isHeld, letGo } from './held-journal.ts';
import { finishRewind, isRewinding, sweepRewind } from './rewind-journal.ts';
import { sweepSnapshots } from './snapshot-store.ts';
import { isUpgrading, undoUpgrade } from './upgrade-journal.ts';
import { cagePaths, cagesDirectory, noteCageState, readCageState } from './store.ts';
import { settleRestore } from './restore-journal.ts';
import { storesOnDisk } from './workspaces.ts';

/** `degraded`: the cage lives without an egress, and so without a network. What runs in it can go on. */
export type Health = 'creating' | 'removing' | 'stopped' | 'running' | 'degraded' | 'broken';

/** Whether the processes that a state names are all there. */
export function stateHealth(state: CageState): Health {
  switch (state.phase) {
    case 'creating':
    case 'removing':
    case 'stopped':
      return state.phase;
    case 'starting':
    case 'stopping':
      return 'broken';
    case 'running':
      if (!isAlive(state.holder) || !isAlive(state.init)) return 'broken';
      if (state.gate !== undefined && !isAlive(state.gate)) return 'degraded';
      return isAlive(state.egress) && state.replacement === undefined ? 'running' : 'degraded';
    default:
      return state satisfies never;
  }
}

/** Brings a cage to `stopped`, `running`, `degraded` or gone. The caller holds its lock. Returns what was done, for people. */
export async function repairCage(context: Context, name: string): Promise<string[]> {
  const paths = cagePaths(context, name);
  const done = settleRestore(context, name);
  if (!pathExists(paths.root)) return done;
  const state = readCageState(context, name);
  if (isHeld(context, name)) {
    await letGo(context, name);
    done.push(`let the programs of ${name} go on, which an interrupted command had held still`);
  }
  const health = stateHealth(state);
  const upgrading = health !== 'removing' && health !== 'creating' && isUpgrading(context, name);
  // What runs of a cage in the middle of an upgrade is not known to work.
  switch (upgrading ? 'broken' : health) {
    case 'removing':
      await finishRemoval(context, name);
      done.push(`moved what was left of ${name} to the trash: its removal was interrupted`);
      return [...done, ...settleRestore(context, name)];
    case 'creating':
      removeTree(paths.root, cagesDirectory(context));
      return [`took away what was left of ${name}`];
    case 'broken':
      await endProcesses(context, state);
      noteCageState(context, name, { phase: 'stopped' });
      done.push(`ended what was left running of ${name}`);
      break;
    case 'running':
    // Whoever wants it to run gives it another egress; who wants to stop it needs none.
    case 'degraded':
    case 'stopped':
      break;
  }
  if (upgrading) {
    await undoUpgrade(context, name);
    done.push(`an interrupted upgrade of ${name} was undone: it is as it was before`);
  }
  if (isBackingUp(context, name)) {
    endBackup(context, name);
    done.push(`took away a half-made backup of ${name}`);
  }
  if (isChangingDirs(context, name)) {
    for (const dir of await settleDirs(context, name)) done.push(`took away what was left of ${dir} in ${name}`);
  }
  done.push(...(await repairData(context, name)));
  for (const { storeDirectory } of storesOnDisk(context, name)) {
    const apply = await repairApply(storeDirectory);
    if (apply === undefined) continue;
    const kept = apply.kept.length === 0 ? '' : `; changed meanwhile and left as they are: ${apply.kept.join(', ')}`;
    done.push(`an interrupted ${apply.what} of ${name} was ${apply.outcome}${kept}`);
  }
  return done;
}

/** What interrupted commands left of snapshots and rewinds. A cage whose data was being changed does not run. */
async function repairData(context: Context, name: string): Promise<string[]> {
  const isSwept = [sweepSnapshots(context, name), sweepRewind(context, name)].includes(true);
  const swept = isSwept ? [`took away what an interrupted copy of ${name} had left`] : [];
  if (!isRewinding(context, name)) return swept;
  await finishRewind(context, name);
  return [...swept, `finished an interrupted rewind of ${name}`];
}

/** The next command tries again where an engine does not answer: what is left of the cage stays until then. */
async function finishRemoval(context: Context, name: string): Promise<void> {
  const [{ removeEngineHoldings }, { moveToTrash }] = await Promise.all([
    import('./engine-holdings.ts'),
    import('./trash.ts'),
  ]);
  await removeEngineHoldings(context, name);
  for (const { storeDirectory } of storesOnDisk(context, name)) await leaveProject(storeDirectory);
  moveToTrash(context, name, { checked: false });
}

/** Ends every process a state names; those that are gone already are fine. */
export async function endProcesses(
  { environment }: Pick<Context, 'environment'>,
  state: CageState,
  graceMs = 0,
  /** Between the end of the cage and that of its egress. */
  onCageEnded: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  if (state.phase !== 'starting' && state.phase !== 'stopping' && state.phase !== 'running') return;
  // Loaded here: most commands find nothing to end.
  const [{ stopNativeCage }, { endConfined }] = await Promise.all([
    import('../backends/native/stop.ts'),
    import('../backends/host/confined-process.ts'),
  ]);
  for (const { process } of state.forwarders ?? []) await endConfined(process);
  if (state.container !== undefined) {
    const [{ stopContainer }, { engineOf }] = await Promise.all([
      import('../backends/container/stop.ts'),
      import('../backends/container/detect.ts'),
    ]);
    await stopContainer(state.container, engineOf(state.container, environment), state, graceMs);
  } else if (state.holder !== undefined) {
    await stopNativeCage({ holder: state.holder, init: state.init, cgroups: state.cgroups }, graceMs);
  }
  await onCageEnded();
  if (state.phase === 'running' && state.replacement !== undefined) await endConfined(state.replacement);
  if (state.egress !== undefined) await endConfined(state.egress);
}
