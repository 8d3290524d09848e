// `restore`: makes a cage of a backup, or brings back a removed one. Somebody else may have made the file: what it asks of this machine is
// shown, and needs a yes.
import type { Command, Opened, Session } from '../command.ts';
import type { Flags } from '../flags.ts';
import type { RestoredCage, RestorePlan } from '../kept-library.ts';
import { PASSPHRASE_OPTION, readPassphrase } from '../passphrase.ts';
import { confirm } from '../prompt.ts';
import { removeOrAsk } from '../remove-or-ask.ts';
import { sizeText } from '../size-text.ts';
import { usageError } from '../usage-error.ts';

export const restore: Command = {
  kind: 'command',
  name: 'restore',
  summary: 'make a cage of a backup, or bring back a removed one',
  notes: [
    'The cage gets keys and placeholders of its own, also under its old name. Secrets go where this machine says that they may go.',
    'A file that is not exactly as ironcage wrote it is refused, and nothing is changed.',
    'With --force the cage that has the name goes into the trash; its unexported work is named first, and -y does not skip that.',
  ],
  arguments: [{ name: 'FILE', summary: 'a backup', required: false }],
  options: [
    {
      name: 'trash',
      value: 'NAME',
      conflicts: ['project', 'without-secrets', 'passphrase-file'],
      summary: 'a removed cage: its name, or its id as ironcage list --trash has it',
    },
    { name: 'name', value: 'NAME', summary: 'name of the cage; default: the one that it had' },
    { name: 'project', value: 'DIR', summary: 'its project is there on this machine' },
    { name: 'without-secrets', conflicts: ['passphrase-file'], summary: 'leave the secrets of the backup out' },
    PASSPHRASE_OPTION,
    { name: 'force', summary: 'a cage of that name goes into the trash' },
    { name: 'discard', summary: 'also one with unexported work' },
    { name: 'dry-run', conflicts: ['trash'], summary: 'only show what the backup holds and asks for' },
    { name: 'yes', short: 'y', summary: 'do not ask' },
  ],
  examples: [
    { line: 'ironcage restore shop-20261121T120000Z.ironcage.tar.gz', does: 'after showing what it asks for' },
    {
      line: 'ironcage restore shop.ironcage.tar.gz --name shop-two -y',
      does: 'another cage of the same, without asking',
    },
    { line: 'ironcage restore --trash shop', does: 'bring back the cage shop, as it was removed last' },
  ],
  handler: async ({ word, flags }, session) => {
    const [file, trashed] = [word('FILE'), flags.text('trash')];
    if ((file === undefined) === (trashed === undefined)) {
      throw usageError(
        file === undefined ? 'nothing to restore was named' : 'a backup and --trash exclude each other',
        {
          hint: 'ironcage restore FILE, or ironcage restore --trash NAME',
        },
      );
    }
    if (flags.on('discard') && !flags.on('force')) {
      throw usageError('--discard without --force', { hint: 'add --force, or leave it out: nothing would be lost' });
    }
    const opened = await session.open();
    const room = { name: flags.text('name'), force: flags.on('force') };
    if (trashed !== undefined) {
      return finish(session, flags, (discard) =>
        opened.library.restoreTrashed(opened.context, trashed, { ...room, discard }),
      );
    }
    return restoreFile(opened, session, flags, file ?? '');
  },
};

async function restoreFile(
  { library, context }: Opened,
  session: Session,
  flags: Flags,
  file: string,
): Promise<number> {
  const { output } = session;
  const target = { name: flags.text('name'), project: flags.text('project') };
  const plan = await library.planRestore(context, file, target);
  if (!output.json || session.interactive) tellPlan(plan, session);
  if (flags.on('dry-run')) {
    if (output.json) output.document(plan);
    return 0;
  }
  if (!flags.on('yes')) {
    if (!session.interactive) {
      throw usageError('restoring a backup needs a yes', {
        because: `somebody else may have made it, and it asks: ${plan.asksFor.join('; ')}`,
        hint: 'look at it with --dry-run, then add --yes',
      });
    }
    if (!(await confirm(session, `Make the cage ${plan.cage} of it?`))) return 1;
  }
  const wantsSecrets = plan.hasSecrets && !flags.on('without-secrets');
  const passphrase = wantsSecrets ? await readPassphrase(flags, session, { isNew: false }) : undefined;
  const { seal } = plan;
  const request = { ...target, seal, passphrase, force: flags.on('force') };
  return finish(session, flags, (discard) => library.restoreBackup(context, file, { ...request, discard }));
}

async function finish(
  session: Session,
  flags: Flags,
  work: (discard: boolean) => Promise<RestoredCage>,
): Promise<number> {
  const { output } = session;
  let restored: RestoredCage | undefined;
  await removeOrAsk(session, {
    remove: async ({ discard }) => {
      restored = await work(discard);
    },
    discard: flags.on('discard'),
    mayAsk: session.interactive && !flags.on('yes'),
    question: 'Move the cage that has the name to the trash with this work?',
  });
  if (restored === undefined) return 1;
  if (output.json) output.document(restored);
  else {
    output.line(restored.cage);
    if (!restored.projectIsThere)
      output.note(
        ['yellow', `its project ${restored.project} is not there`],
        ': put it there, or restore again with --project DIR',
      );
  }
  return 0;
}

function tellPlan(plan: RestorePlan, { output }: Session): void {
  const size = `${plan.entries.toLocaleString('en')} files and directories, ${sizeText(plan.bytes)} from ${sizeText(plan.fileBytes)}`;
  output.tell(['bold', plan.cage], ` from ${plan.from} of ${plan.createdAt.slice(0, 16).replace('T', ' ')}: ${size}`);
  output.tell(plan.exposure);
  for (const line of plan.asksFor) output.tell(['yellow', '! '], line);
  if (plan.hasSecrets) output.tell(['yellow', '! '], 'stores values of secrets for this cage');
  if (!plan.projectIsThere) output.tell(['yellow', '! '], `its project ${plan.project} is not there`);
}
