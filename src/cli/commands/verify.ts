// `verify`: probes from inside the live cage. A single probe that fails makes the answer no.
import type { Command } from '../command.ts';
import { targetCage } from '../target-cage.ts';

export const verify: Command = {
  kind: 'command',
  name: 'verify',
  summary: 'probe from inside a live cage that its protections hold',
  notes: ['Exit code 1 when a probe fails.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [{ name: 'attack', summary: 'also try to break out, with positive controls' }],
  examples: [
    { line: 'ironcage verify', does: 'check the cage of this project' },
    { line: 'ironcage verify shop --attack --json', does: 'try to break out of the cage named shop' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const name = await targetCage(opened, session, word('CAGE'));
    const result = await opened.library.verifyCage(opened.context, name, { attack: flags.on('attack') });
    if (output.json) output.document(result);
    else {
      output.table(
        result.probes.map((probe) => [
          probe.ok ? ['green', 'ok'] : ['red', 'FAILED'],
          probe.group,
          probe.id,
          probe.ok ? probe.observed : `expected ${probe.expected}, observed ${probe.observed}`,
        ]),
      );
      const failed = result.probes.filter((probe) => !probe.ok).length;
      output.line(result.ok ? ['green', 'every probe passed'] : ['red', `${failed} of ${result.probes.length} failed`]);
    }
    return result.ok ? 0 : 1;
  },
};
