// `snapshot`: takes, lists and removes checkpoints of a cage. Unexported work goes only after a typed yes or --discard.
import type { Command, Opened, Session } from '../command.ts';
import type { Snapshot } from '../kept-library.ts';
import type { Output } from '../output.ts';
import { removeOrAsk } from '../remove-or-ask.ts';
import { snapshotRows } from '../snapshot-rows.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

export const snapshot: Command = {
  kind: 'command',
  name: 'snapshot',
  summary: 'keep the workspace and the home of a cage as they are now',
  notes: [
    'It holds the workspace, further directories, the home and the spec of the cage; never secrets, the record or anything of its network. What is mounted or shared is no part of it, and named.',
    'A running cage is held still while its files are copied, and goes on afterwards.',
    'With --rm a snapshot with work that is nowhere else stays unless you type yes or give --discard. -y does not skip that.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'name', value: 'S', summary: 'what to call it; default: the time' },
    { name: 'list', conflicts: ['name'], summary: 'show what there is, the oldest first' },
    {
      name: 'rm',
      value: 'S',
      snapshots: true,
      repeatable: true,
      conflicts: ['name', 'list'],
      summary: 'take a snapshot away; unexported work is named first',
    },
    { name: 'yes', short: 'y', summary: 'with --rm: ask nothing; refuse where a question would be needed' },
    { name: 'discard', summary: 'with --rm: throw unexported work away' },
  ],
  examples: [
    { line: 'ironcage snapshot', does: 'keep the cage of this project as it is; prints the name of the snapshot' },
    { line: 'ironcage snapshot shop --name before-upgrade', does: 'keep the cage named shop, under this name' },
    { line: 'ironcage snapshot shop --list', does: 'its snapshots, with time and size' },
    { line: 'ironcage snapshot shop --rm before-upgrade', does: 'take that one away' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const cage = await targetCage(opened, session, word('CAGE'));
    if (flags.on('list')) {
      printList(cage, await library.listSnapshots(context, cage), output);
      return 0;
    }
    const unwanted = flags.list('rm');
    if (unwanted.length > 0) {
      const mayAsk = session.interactive && !flags.on('yes');
      return remove(opened, session, { cage, unwanted, mayAsk, discard: flags.on('discard') });
    }
    if (flags.on('yes') || flags.on('discard')) {
      throw usageError('--yes and --discard are for --rm', { hint: 'leave them out: taking a snapshot loses nothing' });
    }
    const made = await library.takeSnapshot(context, cage, { name: flags.text('name') });
    if (output.json) output.document(made);
    else {
      for (const { path, reason } of made.leftOut) output.note(`left out: ${path} (${reason})`);
      for (const line of made.notPart) output.note(`not part of it: ${line}`);
      output.line(made.name);
    }
    return 0;
  },
};

function printList(cage: string, snapshots: readonly Snapshot[], output: Output): void {
  if (output.json) output.document(snapshots);
  else if (snapshots.length === 0) output.note(`no snapshots: ironcage snapshot ${cage} takes one`);
  else output.table([['NAME', 'TAKEN', 'SIZE', ''], ...snapshotRows(snapshots)]);
}

async function remove(
  { library, context }: Opened,
  session: Session,
  { cage, unwanted, mayAsk, discard }: { cage: string; unwanted: readonly string[]; mayAsk: boolean; discard: boolean },
): Promise<number> {
  const [removed, kept]: [string[], string[]] = [[], []];
  for (const name of new Set(unwanted)) {
    const gone = await removeOrAsk(session, {
      remove: (options) => library.removeSnapshot(context, cage, name, options),
      ...{ discard, mayAsk, question: `Throw this work in ${name} away?` },
    });
    (gone ? removed : kept).push(name);
    if (!session.output.json) session.output.note(gone ? `removed ${name} of ${cage}` : `kept ${name}`);
  }
  if (session.output.json) session.output.document({ cage, removed, kept });
  return kept.length === 0 ? 0 : 1;
}
