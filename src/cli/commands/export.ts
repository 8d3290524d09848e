// `export`: a cage's files as they are, copied into its project or another directory. What would be lost there is named and refused; what
// can run on this machine needs a yes of its own.
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
import type { Span } from '../span.ts';
import { targetCage } from '../target-cage.ts';
import type { Exported, ExportQuery, ExportView } from '../work-library.ts';

export const exportCommand: Command = {
  kind: 'command',
  name: 'export',
  summary: 'copy the files of a cage out, into its project or another directory',
  notes: [
    'Nothing is merged: a file that changed in the target since the base keeps everything as it is, unless --force. Use apply for a three-way merge.',
    'What the cage deleted or renamed is always shown, and deleted in the target only with --delete. .cageprotect (as .gitignore is written) and --protect name files that are never touched.',
    'What git ignores, in the project or in the cage, stays there. Links that lead out are named and not written; files that can run on the host need a yes of their own.',
    'Without -o only what changed is written; into another directory everything is. Of several directories each goes below DIR by its name.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    {
      name: 'output',
      short: 'o',
      value: 'DIR',
      summary: 'into this directory, made where it is missing; default: the project',
    },
    { name: 'delete', summary: 'delete in the target what was deleted in the cage' },
    {
      name: 'protect',
      value: 'GLOB',
      repeatable: true,
      summary: 'never overwrite or delete these, as a line of .gitignore',
    },
    { name: 'include-ignored', summary: 'also what git ignores' },
    { name: 'force', summary: 'overwrite what changed in the target since the base' },
    { name: 'dry-run', summary: 'show what would happen, and touch nothing' },
    ...HOST_EXECUTABLE_OPTIONS,
    ...DIR_OPTIONS,
  ],
  examples: [
    {
      line: 'ironcage export --dry-run',
      does: 'what would be written into this project, and what would be deleted with --delete',
    },
    {
      line: 'ironcage export shop --delete --protect "*.lock"',
      does: 'into the project of the cage named shop, but no lock file',
    },
    {
      line: 'ironcage export shop -o ../shop-out --all',
      does: 'everything, each directory below ../shop-out by its name',
    },
    { line: 'ironcage export --skip-host-executable --json', does: 'for a script: everything that cannot run here' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const cage = await targetCage(opened, session, word('CAGE'));
    const dirs = await chosenDirs(opened, cage, flags);
    const queries = dirs.names.map((dir) => queryOf(dir, dirs.names.length > 1, flags));
    if (flags.on('dry-run')) {
      const plans: Planned[] = [];
      for (const query of queries)
        plans.push({ cage, query, plan: await library.planExportCage(context, cage, query) });
      if (output.json) {
        const listed = plans.map(({ query: { dir }, plan }) => ({ dir, ...plan }));
        output.document(documentOf(cage, listed, dirs.single));
      } else for (const each of plans) showPlan(each, session, 'line');
      return 0;
    }
    const isShown = !output.json || session.interactive;
    const begun: (Planned & { outcome: Exported | undefined })[] = [];
    for (const query of queries) {
      const decided = await library.exportDecided(context, cage, query, (plan) => {
        if (plan.conflicts.length > 0) throw conflicts({ cage, query, plan });
        if (!session.interactive) refuseUndecided({ cage, dir: query.dir, plan }, flags);
        // All are seen before anything is written for one of several.
        const said = queries.length === 1 ? saidOfHostExecutable(plan, flags) : undefined;
        if (said !== undefined && isShown) showPlan({ cage, query, plan }, session, 'tell');
        return said;
      });
      begun.push({ cage, query, ...decided });
    }
    const outcomes: (Exported & Listed)[] = [];
    for (const { query, plan, outcome, ...of } of begun) {
      const exported = outcome ?? (await exportAsked(opened, { query, plan, ...of }, flags, session));
      const { wouldDelete, protectedFiles, skipped } = plan;
      outcomes.push({ dir: query.dir, ...exported, wouldDelete, protectedFiles, skipped });
      if (!output.json) tellOutcome(dirTitle(cage, query.dir), exported, plan, session);
    }
    if (output.json) output.document(documentOf(cage, outcomes, dirs.single));
    return 0;
  },
};

/** Shows the plan, asks where somebody has to be asked, and exports. */
async function exportAsked(
  { library, context }: Opened,
  { cage, query, plan }: Planned,
  flags: Flags,
  session: Session,
): Promise<Exported> {
  if (!session.output.json || session.interactive) showPlan({ cage, query, plan }, session, 'tell');
  const choice = await decideHostExecutable('Export', plan, flags, session);
  return library.exportCage(context, cage, { ...query, ...choice });
}

interface Planned {
  cage: string;
  query: ExportQuery;
  plan: ExportView;
}

type Listed = Pick<ExportView, 'wouldDelete' | 'protectedFiles' | 'skipped'> & { dir: string };

function queryOf(dir: string, below: boolean, flags: Flags): ExportQuery {
  return {
    ...{ dir, below, output: flags.text('output'), deletes: flags.on('delete'), protect: flags.list('protect') },
    ...{ includeIgnored: flags.on('include-ignored'), force: flags.on('force') },
  };
}

function documentOf(cage: string, each: readonly ({ dir: string } & object)[], single: boolean): object {
  const [first] = each;
  if (!single) return { cage, directories: each };
  const { dir: _dir, ...rest } = first ?? { dir: '' };
  return { cage, ...rest };
}

function showPlan({ cage, query: { dir }, plan }: Planned, { output }: Session, to: 'line' | 'tell'): void {
  const say = (...spans: readonly Span[]): void => (to === 'line' ? output.line(...spans) : output.tell(...spans));
  const { files, unchanged, conflicts: clashes, wouldDelete, protectedFiles, skipped } = plan;
  if (plan.inPlace || (files.length + unchanged + clashes.length + wouldDelete.length === 0 && to === 'line')) {
    output.note(`${dirTitle(cage, dir)}: ${nothingTo(plan)}`);
  }
  if (files.length > 0) {
    if (to === 'line') output.table(changeRows(files));
    else output.tellTable(changeRows(files));
    say(changeTotals(files));
  }
  if (unchanged > 0) say(`and ${count(unchanged, 'file')} that the agent did not change`);
  for (const path of wouldDelete) say(['red', 'would be deleted with --delete'], `: ${path}`);
  for (const path of protectedFiles) say(['yellow', 'protected'], `: ${path}`);
  for (const { path, reason } of skipped) say(['yellow', 'not exported'], `: ${path} (${reason})`);
  for (const { path, kind } of clashes) say(['red', 'conflict'], `: ${path} (${kind})`);
  showHostExecutable(plan, output);
}

function nothingTo({ inPlace }: ExportView): string {
  return inPlace
    ? 'the project is mounted, and the work is in place already; -o DIR copies it elsewhere'
    : 'there is nothing to write';
}

function tellOutcome(
  title: string,
  { target, exported, leftOut }: Exported,
  plan: ExportView,
  { output }: Session,
): void {
  if (plan.inPlace) return;
  if (exported.length + plan.unchanged === 0) output.note(`${title}: there is nothing to write in ${target}`);
  else output.line(`exported ${count(exported.length + plan.unchanged, 'file')} to ${target}`);
  for (const path of leftOut) output.line(['yellow', 'left out'], `: ${path}`);
}

function conflicts({ cage, query, plan }: Planned): IronError {
  const { dir } = query;
  const option = `${query.output === undefined ? '' : ' -o DIR'}${dir === '' ? '' : ` --dir ${dir}`}`;
  return new IronError('E_CONFLICT', {
    message: `${count(plan.conflicts.length, 'file')} in ${plan.target} would be lost: nothing was exported`,
    because: plan.conflicts.map(({ path, kind }) => `${path} (${kind})`),
    hint: `merge with ironcage apply ${cage}, keep them with --protect, or overwrite them with ironcage export ${cage}${option} --force`,
    details: { conflicts: plan.conflicts },
  });
}
