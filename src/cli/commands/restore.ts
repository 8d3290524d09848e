// `restore`: brings a removed cage back.
import { removeOrAsk } from '../remove-or-ask.ts';
import type { Command } from '../command.ts';
import type { RestoredCage } from '../kept-library.ts';
import { usageError } from '../usage-error.ts';

export const restore: Command = {
  kind: 'command',
  name: 'restore',
  summary: 'bring back a removed cage',
  notes: [],
  arguments: [],
  options: [
    { name: 'trash', value: 'NAME', summary: 'a removed cage: its name, or its id as ironcage list --trash has it' },
    { name: 'name', value: 'NAME', summary: 'name of the cage; default: the one that it had' },
    { name: 'force', summary: 'a cage of that name goes into the trash' },
    { name: 'discard', summary: 'also one with unexported work' },
  ],
  examples: [{ line: 'ironcage restore --trash shop', does: 'bring back the cage shop, as it was removed last' }],
  handler: async ({ flags }, session) => {
    const { library, context } = await session.open();
    const trashed = flags.text('trash');
    if (trashed === undefined)
      throw usageError('nothing to restore was named', { hint: 'ironcage restore --trash NAME' });
    let restored: RestoredCage | undefined;
    const force = flags.on('force');
    await removeOrAsk(session, {
      remove: async ({ discard }) => {
        restored = await library.restoreTrashed(context, trashed, { name: flags.text('name'), force, discard });
      },
      discard: flags.on('discard'),
      mayAsk: session.interactive,
      question: 'Move that cage to the trash with this work?',
    });
    if (session.output.json) session.output.document(restored ?? {});
    else if (restored !== undefined) session.output.line(restored.cage);
    return restored === undefined ? 1 : 0;
  },
};
