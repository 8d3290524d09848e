// `apply`: the only way from a cage into the project on the host. Shows everything first; what can run on the host
// needs a yes of its own; nobody there to ask means no.
import { IronError } from '../../platform/errors.ts';
import { changeRows, changeTotals, count } from '../change-rows.ts';
import { chosenDirs, dirTitle, DIR_OPTIONS } from '../chosen-dirs.ts';
import type { Command, Opened, Session } from '../command.ts';
import type { Flags } from '../flags.ts';
import {
  decideHostExecutable,
  HOST_EXECUTABLE_OPTIONS,
  refuseUndecided,
  saidOfHostExecutable,
  showHostExecutable,
} from '../host-executable-choice.ts';
import type { Applied, ApplyPlanView, ApplyTarget } from '../library.ts';
import type { Output } from '../output.ts';
import { confirm } from '../prompt.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

export const apply: Command = {
  kind: 'command',
  name: 'apply',
  summary: 'merge the change of a cage into the project on the host',
  notes: [
    'A three-way merge: conflicts are listed and nothing is done.',
    'Files that can run on the host are listed and need a yes of their own, unless `ironcage review` decided about them.',
    'With --all the directories are looked at first, and conflicts in one keep all as they are; then one is written after the other.',
    'Of a mounted project (--workspace mount) the work is in place already.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'working-tree', conflicts: ['branch'], summary: 'write into the working tree; the default' },
    { name: 'branch', value: 'NAME', summary: 'write a commit on this new branch instead' },
    {
      name: 'keep-commits',
      conflicts: ['working-tree', 'squash', 'skip-host-executable'],
      summary: 'with --branch: the agent’s own commits as they are, and a last one for the rest',
    },
    { name: 'squash', summary: 'with --branch: one commit of it all; the default' },
    { name: 'yes', short: 'y', summary: 'apply without asking; not for files that can run on the host' },
    ...HOST_EXECUTABLE_OPTIONS,
    ...DIR_OPTIONS,
  ],
  examples: [
    { line: 'ironcage apply', does: 'look at the change of this project’s cage and take it over' },
    { line: 'ironcage apply shop --branch agent/fix --yes', does: 'put it on a branch without asking' },
    { line: 'ironcage apply shop --branch agent/fix --keep-commits', does: 'its commits, with author and message' },
    { line: 'ironcage apply shop --dir shared-lib', does: 'take over what changed in that further directory' },
    { line: 'ironcage apply --yes --skip-host-executable', does: 'for a script: everything that cannot run here' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    if (flags.on('keep-commits') && flags.text('branch') === undefined) {
      throw usageError('--keep-commits needs a branch', { hint: 'name a new one: --branch agent/fix --keep-commits' });
    }
    const dirs = await chosenDirs(opened, name, flags);
    const target = targetOf(flags);
    const plans: Planned[] = [];
    for (const dir of dirs.names) {
      const decided = await library.applyDecided(context, name, { dir, target }, (plan) => {
        const planned = { cage: name, dir, plan };
        if (flags.text('branch') === undefined && plan.conflicts.length > 0) throw conflicts(planned);
        if (!session.interactive && (plan.files.length > 0 || flags.on('keep-commits')))
          refuseUnattended(planned, flags);
        // All are seen before anything is written for one of several.
        const isDecided = dirs.names.length === 1 && flags.on('yes') && !isNothing(plan, flags);
        const said = isDecided ? saidOfHostExecutable(plan, flags) : undefined;
        if (said !== undefined) showPlan(plan, session);
        return said;
      });
      plans.push({ cage: name, dir, ...decided });
    }
    const outcomes: (Outcome & { dir: string })[] = [];
    for (const planned of plans) {
      if (!dirs.single && !output.json) output.tell(['bold', dirTitle(name, planned.dir)]);
      outcomes.push({ dir: planned.dir, ...(await applyOne(opened, session, flags, planned)) });
    }
    if (output.json) output.document(documentOf(name, outcomes, dirs.single));
    return outcomes.some(({ declined }) => declined) ? 1 : 0;
  },
};

interface Planned {
  cage: string;
  /** Empty: the project. */
  dir: string;
  plan: ApplyPlanView;
  /** Where nobody had to be asked, it is done. */
  outcome?: Applied | undefined;
}

/** Commits can be kept although nothing is left of what they did. */
function isNothing(plan: ApplyPlanView, flags: Flags): boolean {
  return plan.inPlace || (plan.files.length === 0 && !flags.on('keep-commits'));
}

interface Outcome {
  result: Applied & { inPlace?: true };
  /** The person said no. */
  declined: boolean;
}

function documentOf(cage: string, outcomes: readonly (Outcome & { dir: string })[], single: boolean): object {
  const [first] = outcomes;
  if (single) return { cage, ...first?.result };
  return { cage, directories: outcomes.map(({ dir, result }) => ({ dir, ...result })) };
}

async function applyOne(
  { library, context }: Opened,
  session: Session,
  flags: Flags,
  { cage, dir, plan, outcome }: Planned,
): Promise<Outcome> {
  const { output } = session;
  const of = dir === '' ? {} : { dir };
  const nothing = { applied: [], leftOut: [] };
  const note = (text: string): void => {
    if (!output.json) output.note(text);
  };
  if (plan.inPlace) {
    await library.applyCage(context, cage, { ...of, target: 'working-tree', hostExecutable: 'refuse' });
    note(`${dirTitle(cage, dir)}: the project is mounted, and the work is in place already`);
    return { result: { ...nothing, inPlace: true }, declined: false };
  }
  if (isNothing(plan, flags)) {
    tellStays(plan, output);
    note(`${dirTitle(cage, dir)}: nothing to apply`);
    return { result: nothing, declined: false };
  }
  if (outcome !== undefined) {
    if (!output.json) tellApplied(outcome, output);
    return { result: outcome, declined: false };
  }
  showPlan(plan, session);
  const hostExecutable = await decideHostExecutable('Apply', plan, flags, session);
  if (!(await decideApply(plan, flags, session))) {
    note('nothing was applied');
    return { result: { applied: [], leftOut: plan.files.map(({ path }) => path) }, declined: true };
  }
  const target = targetOf(flags);
  const result = await library.applyCage(context, cage, { ...of, target, ...hostExecutable });
  if (!output.json) tellApplied(result, output);
  return { result, declined: false };
}

function tellApplied({ applied, leftOut, branch }: Applied, output: Output): void {
  output.line(
    `applied ${count(applied.length, 'file')} to ${branch === undefined ? 'the working tree' : `branch ${branch}`}`,
  );
  for (const path of leftOut) output.line(['yellow', 'left out'], `: ${path}`);
}

function tellStays({ stays }: ApplyPlanView, output: Output): void {
  if (output.json) return;
  for (const { path, reason } of stays) output.note(['yellow', 'stays'], `: ${path} (${reason})`);
}

function targetOf(flags: Flags): ApplyTarget {
  const branch = flags.text('branch');
  if (branch === undefined) return 'working-tree';
  return { branch, ...(flags.on('keep-commits') ? { keepsCommits: true } : {}) };
}

function showPlan(plan: ApplyPlanView, { output, interactive }: Session): void {
  tellStays(plan, output);
  if (output.json && !interactive) return;
  output.tellTable(changeRows(plan.files));
  output.tell(changeTotals(plan.files));
  showHostExecutable(plan, output);
}

function decideApply(plan: ApplyPlanView, flags: Flags, session: Session): Promise<boolean> {
  if (flags.on('yes')) return Promise.resolve(true);
  const leftOut = plan.hostExecutable.filter(({ decision }) => decision === 'left-out');
  if (plan.files.length === 0) return confirm(session, 'Keep the commits, which change no file in the end?');
  return confirm(session, `Apply ${count(plan.files.length - leftOut.length, 'file')}?`);
}

/** Without a terminal every yes must be a flag. */
function refuseUnattended({ cage, dir, plan }: Planned, flags: Flags): void {
  refuseUndecided({ cage, dir, plan }, flags);
  if (flags.on('yes')) return;
  throw new IronError('E_REFUSED', {
    message: `the change of ${dirTitle(cage, dir)} was not applied`,
    because: 'it needs a yes, and there is no terminal to ask at',
    hint: `look at ironcage diff ${cage}${option(dir)}, then add --yes`,
  });
}

function option(dir: string): string {
  return dir === '' ? '' : ` --dir ${dir}`;
}

function conflicts({ cage, dir, plan }: Planned): IronError {
  const listed = plan.conflicts.map(({ path, kind }) => `${path} (${kind})`).join(', ');
  return new IronError('E_CONFLICT', {
    message: `the change of ${dirTitle(cage, dir)} conflicts with the ${dir === '' ? 'project' : 'directory on the host'} in ${count(plan.conflicts.length, 'file')}: ${listed}`,
    because: 'the same places changed in the cage and on the host since the base; nothing was applied',
    hint: `ironcage diff ${cage}${option(dir)} --full shows the cage’s side; take it onto a branch (ironcage apply ${cage}${option(dir)} --branch NAME) and merge that, or bring the files together by hand`,
    details: { conflicts: plan.conflicts },
  });
}
