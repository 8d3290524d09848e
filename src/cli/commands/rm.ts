// `rm`: removes cages. Unexported work is named and goes only after a typed yes or --discard; -y is not enough.
import type { Command, Opened, Session } from '../command.ts';
import { removeOrAsk } from '../remove-or-ask.ts';
import { targetCage } from '../target-cage.ts';

export const rm: Command = {
  kind: 'command',
  name: 'rm',
  summary: 'remove cages; unexported work is named first',
  notes: [
    'A cage with unexported work stays unless you type yes or give --discard. -y does not skip that.',
    'It lies in the trash for seven days: `ironcage restore --trash CAGE` brings it back.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false, repeatable: true }],
  options: [
    { name: 'yes', short: 'y', summary: 'ask nothing; refuse where a question would be needed' },
    { name: 'discard', summary: 'also with unexported work' },
  ],
  examples: [
    { line: 'ironcage rm shop', does: 'remove the cage named shop, after asking if it holds unexported work' },
    { line: 'ironcage rm -y --discard shop desk', does: 'remove two cages with all that is in them' },
  ],
  handler: async ({ words, flags }, session) => {
    const opened = await session.open();
    const given = words('CAGE');
    const names = await Promise.all(
      (given.length === 0 ? [undefined] : given).map((named) => targetCage(opened, session, named)),
    );
    const removed: string[] = [];
    const kept: string[] = [];
    const mayAsk = session.interactive && !flags.on('yes');
    for (const name of new Set(names)) {
      await tellOfRuns(opened, session, name);
      const gone = await removeOrAsk(session, {
        remove: (options) => opened.library.removeCage(opened.context, name, options),
        discard: flags.on('discard'),
        mayAsk,
        question: `Remove ${name} with this work?`,
      });
      (gone ? removed : kept).push(name);
      if (!session.output.json) session.output.note(gone ? `removed ${name}` : `kept ${name}`);
    }
    if (session.output.json) session.output.document({ removed, kept });
    return kept.length === 0 ? 0 : 1;
  },
};

/** A cage that is broken is removed all the same. */
async function tellOfRuns({ library, context }: Opened, { output }: Session, name: string): Promise<void> {
  const runs = await library.listRuns(context, name).catch(() => []);
  for (const { id, agent, status } of runs) {
    if (status === 'running') output.note(`the run ${id} of ${agent} goes on in ${name}, and ends with it`);
  }
}
