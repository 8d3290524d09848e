// `restart`: one step of a cage's life.
import type { Command } from '../command.ts';
import { targetCage } from '../target-cage.ts';

export const restart: Command = {
  kind: 'command',
  name: 'restart',
  summary: 'stop a cage and start it again',
  notes: ['Files, rules and secrets stay.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [],
  examples: [{ line: 'ironcage restart shop', does: 'restart the cage named shop' }],
  handler: async ({ word }, session) => {
    const opened = await session.open();
    const name = await targetCage(opened, session, word('CAGE'));
    await opened.library.restartCage(opened.context, name);
    if (session.output.json) session.output.document({ cage: name, status: 'running' });
    else session.output.note(`restarted ${name}`);
    return 0;
  },
};
