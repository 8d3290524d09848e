// `stop`: one step of a cage's life.
import type { Command } from '../command.ts';
import { targetCage } from '../target-cage.ts';

export const stop: Command = {
  kind: 'command',
  name: 'stop',
  summary: 'stop a cage and keep its work',
  notes: ['Every process in it ends; its files, rules and secrets stay.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [],
  examples: [{ line: 'ironcage stop shop', does: 'stop the cage named shop' }],
  handler: async ({ word }, session) => {
    const opened = await session.open();
    const name = await targetCage(opened, session, word('CAGE'));
    await opened.library.stopCage(opened.context, name);
    if (session.output.json) session.output.document({ cage: name, status: 'stopped' });
    else session.output.note(`stopped ${name}`);
    return 0;
  },
};
