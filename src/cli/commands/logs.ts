// `logs`: what the agent of a run said, readable or raw, now or up to its end.
import { targetRun } from '../target-run.ts';
import type { Command } from '../command.ts';
import { showRun } from '../show-run.ts';
import { readLastCount } from '../traffic-filter.ts';

export const logs: Command = {
  kind: 'command',
  name: 'logs',
  summary: 'show what the agent of a run said and did',
  notes: ['Of a cage it is the newest run. With --json one event a line. Nothing in a stream can steer the terminal.'],
  arguments: [{ name: 'RUN|CAGE', summary: 'default: the newest run of the current project’s cage', required: false }],
  options: [
    { name: 'follow', short: 'f', summary: 'go on until the run has ended' },
    { name: 'raw', conflicts: ['lines'], summary: 'the bytes that the agent wrote, as they are' },
    { name: 'lines', short: 'n', value: 'N', summary: 'only the last N events' },
  ],
  examples: [
    { line: 'ironcage logs -f', does: 'follow the newest run of this project’s cage' },
    { line: 'ironcage logs r-20261130-a1b2c3 --raw', does: 'the stream of one run, byte for byte' },
    { line: 'ironcage logs shop -n 20 --json', does: 'the last events of the newest run in shop, for scripts' },
  ],
  handler: async ({ word, flags }, session) => {
    const last = readLastCount(flags);
    const opened = await session.open();
    const run = await targetRun(opened, session, word('RUN|CAGE'));
    await showRun(opened, session, run, { raw: flags.on('raw'), follow: flags.on('follow'), last });
    return 0;
  },
};
