// `start`: one step of a cage's life.
import type { Command } from '../command.ts';
import { targetCage } from '../target-cage.ts';

export const start: Command = {
  kind: 'command',
  name: 'start',
  summary: 'start a cage',
  notes: ['A cage that runs already is fine.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [],
  examples: [{ line: 'ironcage start shop', does: 'start the cage named shop' }],
  handler: async ({ word }, session) => {
    const opened = await session.open();
    const name = await targetCage(opened, session, word('CAGE'));
    await opened.library.startCage(opened.context, name);
    if (session.output.json) session.output.document({ cage: name, status: 'running' });
    else session.output.note(`started ${name}`);
    return 0;
  },
};
