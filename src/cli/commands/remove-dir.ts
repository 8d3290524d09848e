// `remove-dir`: takes a further directory from a cage. Unexported work is named and goes only after a typed yes or --discard.
import type { Command } from '../command.ts';
import { removeOrAsk } from '../remove-or-ask.ts';
import { targetCage } from '../target-cage.ts';

export const removeDir: Command = {
  kind: 'command',
  name: 'remove-dir',
  summary: 'take a further directory from a cage; unexported work is named first',
  notes: [
    'A directory with unexported work stays unless you type yes or give --discard. -y does not skip that. The directory on the host stays as it is.',
  ],
  arguments: [
    { name: 'CAGE', summary: 'default: the cage of the current project', required: false },
    { name: 'N', summary: 'name of the directory, as ironcage show has it', required: true },
  ],
  options: [
    { name: 'yes', short: 'y', summary: 'ask nothing; refuse where a question would be needed' },
    { name: 'discard', summary: 'throw unexported work away' },
  ],
  examples: [
    { line: 'ironcage remove-dir shared-lib', does: 'after asking, if its copy holds unexported work' },
    { line: 'ironcage remove-dir shop mylib --discard', does: 'take mylib from the cage named shop, work and all' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    const dir = word('N') ?? '';
    const gone = await removeOrAsk(session, {
      remove: (options) => library.removeDir(context, name, dir, options),
      discard: flags.on('discard'),
      mayAsk: session.interactive && !flags.on('yes'),
      question: `Throw this work of ${dir} in ${name} away?`,
    });
    if (output.json) output.document({ cage: name, removed: gone ? [dir] : [], kept: gone ? [] : [dir] });
    else output.note(gone ? `removed ${dir} from ${name}` : `kept ${dir}`);
    return gone ? 0 : 1;
  },
};
