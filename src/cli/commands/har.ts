// `har`: the traffic of a cage in the form that browsers' developer tools and their kin read. Reads only.
import type { Command } from '../command.ts';
import { readLastCount, readTrafficFilter, TRAFFIC_OPTIONS } from '../traffic-filter.ts';
import { targetCage } from '../target-cage.ts';

export const har: Command = {
  kind: 'command',
  name: 'har',
  summary: 'export the traffic of a cage as HAR 1.2',
  notes: [
    'Requests that were refused are in it as well. Secrets are placeholders; bodies and WebSocket messages are kept up to a bound.',
    'Without -o the document goes to stdout.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'output', short: 'o', value: 'FILE', summary: 'write it there, whole or not at all' },
    ...TRAFFIC_OPTIONS,
    { name: 'lines', short: 'n', value: 'N', summary: 'only the last N exchanges' },
  ],
  examples: [
    { line: 'ironcage har -o traffic.har', does: 'all traffic of the cage of this project, for a HAR viewer' },
    { line: 'ironcage har shop --since 1h --decision deny', does: 'what was refused in the last hour' },
  ],
  handler: async ({ word, flags }, session) => {
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    const query = { ...readTrafficFilter(flags, context.clock.now()), last: readLastCount(flags) };
    const file = flags.text('output');
    const { output } = session;
    if (file === undefined) {
      for await (const text of library.harOfCage(context, name, query)) {
        if (output.gone.aborted) return 0;
        await output.piece(text);
      }
      return 0;
    }
    const entries = await library.writeHar(context, name, file, query);
    if (output.json) output.document({ cage: name, file, entries });
    else output.line(`${name}: ${entries} exchanges in ${file}`);
    return 0;
  },
};
