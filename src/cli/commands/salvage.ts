// `salvage`: the work of a cage that is broken, copied out as it lies on disk.
import type { Command } from '../command.ts';
import { isCage, targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

export const salvage: Command = {
  kind: 'command',
  name: 'salvage',
  summary: 'copy the work of a broken cage out, as it lies on disk',
  notes: [
    'Needs no spec, no state and no engine, and changes nothing in the cage. Where the cage is whole, `export` and `apply` do it better.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [{ name: 'output', short: 'o', value: 'DIR', summary: 'a new directory for it' }],
  examples: [
    { line: 'ironcage salvage shop -o ../shop-work', does: 'all work of the cage named shop into a new directory' },
  ],
  handler: async ({ word, flags }, session) => {
    const directory = flags.text('output');
    if (directory === undefined)
      throw usageError('salvage needs a directory', { hint: 'write -o DIR, a new directory' });
    const opened = await session.open();
    const named = word('CAGE');
    const cage = named !== undefined && isCage(opened, named) ? named : await targetCage(opened, session, named);
    const outcome = await opened.library.salvageCage(opened.context, cage, directory);
    const { output } = session;
    if (output.json) output.document(outcome);
    else {
      output.table(outcome.taken.map(({ path, what }) => [['bold', path], what]));
      for (const { what, because } of outcome.failed) output.line(['red', 'not taken: '], `${what}: ${because}`);
      output.note(`in ${outcome.directory}; the cage is as it was`);
    }
    return outcome.failed.length === 0 ? 0 : 1;
  },
};
