// `rewind`: puts workspace and home of a cage back to a snapshot. The library keeps what was there, so nothing is asked.
import type { Command } from '../command.ts';
import { targetCage } from '../target-cage.ts';

export const rewind: Command = {
  kind: 'command',
  name: 'rewind',
  summary: 'put the workspace and the home of a cage back to a snapshot',
  notes: [
    'Nothing is lost: what was there becomes a snapshot of its own, named before-rewind-TIME. Rules, secrets, ports and the record stay as they are.',
    'A cage that is in use is left alone; an idle one that runs is stopped for it and started again.',
  ],
  arguments: [
    { name: 'CAGE', summary: 'default: the cage of the current project', required: false },
    {
      name: 'S',
      summary: 'name of the snapshot, as ironcage snapshot --list has it',
      required: true,
      snapshots: true,
    },
  ],
  options: [],
  examples: [
    { line: 'ironcage rewind before-upgrade', does: 'the cage of this project is what it was then' },
    { line: 'ironcage rewind shop before-rewind-20261121-120000', does: 'take a rewind of the cage named shop back' },
  ],
  handler: async ({ word }, session) => {
    const { output } = session;
    const opened = await session.open();
    const cage = await targetCage(opened, session, word('CAGE'));
    const done = await opened.library.rewindCage(opened.context, cage, word('S') ?? '');
    if (output.json) output.document(done);
    else {
      output.line(`${cage} is as ${done.snapshot} has it: ${done.rewound.join(', ')}`);
      for (const what of done.kept) output.note(`not in ${done.snapshot}, and left as it is: ${what}`);
      output.note(`what was there is kept: ironcage rewind ${cage} ${done.before}`);
    }
    return 0;
  },
};
