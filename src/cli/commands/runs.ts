// `runs`: the runs of a cage and how they stand.
import type { Command } from '../command.ts';
import { runRows } from '../run-rows.ts';
import { targetCage } from '../target-cage.ts';

export const runs: Command = {
  kind: 'command',
  name: 'runs',
  summary: 'list the runs of a cage, how they stand and what they used',
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [],
  examples: [
    { line: 'ironcage runs', does: 'the runs in the cage of this project, oldest first' },
    { line: 'ironcage runs shop --json', does: 'the same of the cage named shop, for scripts' },
  ],
  handler: async ({ word }, session) => {
    const opened = await session.open();
    const cage = await targetCage(opened, session, word('CAGE'));
    const found = await opened.library.listRuns(opened.context, cage);
    if (session.output.json) session.output.document(found);
    else if (found.length === 0)
      session.output.note(`no runs in ${cage}: ironcage launch ${cage} --agent claude -p "…"`);
    else session.output.table(runRows(found));
    return 0;
  },
};
