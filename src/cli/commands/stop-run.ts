// `stop-run`: ends one run; its cage and the other runs in it go on.
import type { Command } from '../command.ts';
import { endLine } from '../run-rows.ts';

export const stopRun: Command = {
  kind: 'command',
  name: 'stop-run',
  summary: 'stop one run; its cage and its work stay',
  notes: [
    'The agent is asked to end, and ended after five seconds, with all that it started. A run that has ended stays as it is.',
  ],
  arguments: [{ name: 'RUN', summary: 'its id, as `ironcage runs` shows it', required: true }],
  options: [],
  examples: [{ line: 'ironcage stop-run r-20261130-a1b2c3', does: 'stop that run, wherever its cage is' }],
  handler: async ({ word }, session) => {
    const { library, context } = await session.open();
    const run = await library.stopRun(context, word('RUN') ?? '');
    if (session.output.json) session.output.document(run);
    else session.output.note(...endLine(run));
    return 0;
  },
};
