// `fork`: another cage with the workspace, the home and the spec of a first one, as it stands or as a snapshot has it, and with an identity
// of its own. The first one is not changed; a running one is held still while its files are copied.
import { join } from 'node:path';
import { rewriteFileBeneath } from '../platform/beneath.ts';
import { IronError } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import { holdingInterrupts } from '../platform/interrupts.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { formatRule } from '../policy/rules.ts';
import type { Owner, SkippedFile } from '../workspace/copy-tree.ts';
import { ownWorkspace } from '../workspace/copy-workspace.ts';
import { shiftOwners, type OwnerShift } from '../workspace/shift-owners.ts';
import { agentProfile } from './agent-profiles.ts';
import { readAgentText, writeAgentText } from './agent-programs.ts';
import { dataParts, notData, type DataPart } from './cage-data.ts';
import type { Context } from './context.ts';
import { copyParts } from './copy-data.ts';
import { forkSpec, refuseUnforkable } from './fork-spec.ts';
import { frameCage } from './frame-cage.ts';
import { holdingStill } from './hold-still.ts';
import { cageIdentity, currentCaller } from './identity.ts';
import { parseCageName } from './names.ts';
import { formatPort } from './published-port.ts';
import { repairCage } from './repair.ts';
import { storedForAlone } from './secrets.ts';
import { readSnapshot, snapshotDirectory } from './snapshot-store.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, readSpec, withCageLock } from './store.ts';

export interface ForkOutcome {
  cage: string;
  from: string;
  snapshot: string | undefined;
  /** Files that could not come along. */
  leftOut: readonly SkippedFile[];
  /** What the first cage has and the fork has not, or shares with it. */
  notPart: readonly string[];
  /** Of the first cage: one port of this machine is one cage’s. */
  unpublished: readonly string[];
  /** Names of secrets whose value is stored for the first cage alone. */
  withoutValue: readonly string[];
  /** Rules of the snapshot that the first cage has no more. */
  formerRules: readonly string[];
}

/** Throws E_CAGE_EXISTS, E_NO_SNAPSHOT, E_PROTECTION for a mounted project, E_DISK_FULL; then nothing of it stays. */
export async function forkCage(
  context: Context,
  from: string,
  cage: string,
  options: { from?: string | undefined } = {},
): Promise<ForkOutcome> {
  // Its lock is ours by then.
  if (parseCageName(cage) === from) refuseTaken(cage, cagePaths(context, from).root);
  return holdingInterrupts((interrupted) =>
    withCageLock(context, from, async () => {
      for (const line of await repairCage(context, from)) context.progress(line);
      const origin = await readSpec(context, from);
      const { from: snapshot } = options;
      const source = snapshot === undefined ? origin : await specAt(context, from, snapshot);
      refuseUnforkable(source);
      return withCageLock(context, cage, async () => {
        for (const line of await repairCage(context, cage)) context.progress(line);
        refuseTaken(cage, cagePaths(context, cage).root);
        const spec = await forkSpec(context, source, cage);
        const leftOut = await makeFork(context, { origin, spec, snapshot, interrupted });
        return {
          ...{ cage, from, snapshot, leftOut },
          notPart: notData(spec),
          unpublished: (origin.ports ?? []).map(formatPort),
          withoutValue: await storedForAlone(
            context,
            spec.secrets.map(({ name }) => name),
            from,
          ),
          formerRules: spec.rules.filter((rule) => !origin.rules.some(({ id }) => id === rule.id)).map(formatRule),
        };
      });
    }),
  );
}

async function specAt(context: Context, cage: string, snapshot: string): Promise<CageSpec> {
  const record = await readSnapshot(context, cage, snapshot);
  const { specOfSnapshot } = await import('./snapshot-record.ts');
  return specOfSnapshot(record, cage, snapshot);
}

function refuseTaken(cage: string, path: string): void {
  if (!pathExists(path)) return;
  throw new IronError('E_CAGE_EXISTS', {
    message: `there is a cage ${cage} already`,
    hint: 'choose another name, or remove it first',
  });
}

interface Fork {
  origin: CageSpec;
  spec: CageSpec;
  snapshot: string | undefined;
  interrupted: AbortSignal;
}

/** Returns the files that could not come along. */
async function makeFork(context: Context, fork: Fork): Promise<readonly SkippedFile[]> {
  const { origin, spec, snapshot, interrupted } = fork;
  const { root, home } = cagePaths(context, spec.name);
  const { leftOut } = await frameCage(context, { name: spec.name, verb: 'fork', interrupted }, async () => {
    const parts = dataParts(spec);
    const shift = ownerShift(fork);
    const copy = (from: string): Promise<SkippedFile[]> => copyParts(parts, from, root, interrupted, shift?.single);
    const skipped = await tellIfSlow(
      (line) => context.progress(line),
      `copying the files of ${snapshot ?? origin.name}`,
      () =>
        snapshot === undefined
          ? holdingStill(context, origin.name, () => copy(cagePaths(context, origin.name).root))
          : copy(snapshotDirectory(context, origin.name, snapshot)),
    );
    context.step('fork: copied');
    if (shift !== undefined) await giveToFork(root, parts, shift);
    if (spec.profile === undefined) await renewPlaceholders(context, home, fork);
    const agent = readAgentText(context, origin.name);
    if (agent !== undefined) writeAgentText(context, spec.name, agent);
    context.step('fork: home made');
    return { spec, leftOut: skipped };
  });
  return leftOut;
}

interface ForkShift extends OwnerShift {
  owner: Owner;
  /** The same, where all that the cage can write in belongs to one user. */
  single: Owner | undefined;
}

/** Of a cage of root’s: it runs as other users of this machine than the first one. */
function ownerShift({ origin, spec }: Fork): ForkShift | undefined {
  const caller = currentCaller();
  if (caller.uid !== 0) return undefined;
  const [before, after] = [cageIdentity(caller, origin), cageIdentity(caller, spec)];
  const owner = { uid: after.uid, gid: after.gid };
  if (before.rootUid === undefined || after.rootUid === undefined)
    return { owner, single: owner, from: before.uid, to: after.uid, count: 1 };
  return { owner, single: undefined, from: before.rootUid, to: after.rootUid, count: RANGE_SIZE };
}

async function giveToFork(
  root: string,
  parts: readonly DataPart[],
  { owner, single, ...shift }: ForkShift,
): Promise<void> {
  for (const { path, kind } of parts) {
    const directory = join(root, path);
    if (!pathExists(directory)) continue;
    const isGiven = kind === 'workspace' && single !== undefined;
    if (shift.from !== shift.to && !isGiven) shiftOwners(directory, shift);
    if (kind === 'workspace') await ownWorkspace(directory, owner);
  }
}

/** Users of a container that has its own. */
const RANGE_SIZE = 65_536;
const MAX_SETTINGS_BYTES = 16 * 2 ** 20;
/** Claude Code remembers a key by so many of its last characters. */
const REMEMBERED = 20;

/** Settings of agents name their placeholder: those of the first cage are worth nothing here. */
async function renewPlaceholders(context: Context, home: string, { origin, spec }: Fork): Promise<void> {
  if (spec.agent === undefined || !pathExists(home)) return;
  const pairs = spec.secrets.flatMap(({ name, placeholder }) => {
    const before = origin.secrets.find((binding) => binding.name === name)?.placeholder;
    return before === undefined ? [] : [[before, placeholder] as const];
  });
  const placeholders = Object.fromEntries(spec.secrets.map(({ name, placeholder }) => [name, placeholder]));
  const profile = await agentProfile(context, spec.agent);
  for (const { path } of profile.homeFiles({ project: spec.project, placeholders })) {
    rewriteFileBeneath(home, path, MAX_SETTINGS_BYTES, (text) => {
      let renewed = text;
      for (const [before, after] of pairs) {
        renewed = renewed.replaceAll(before, after).replaceAll(before.slice(-REMEMBERED), after.slice(-REMEMBERED));
      }
      return renewed;
    });
  }
}
