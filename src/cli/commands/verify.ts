// `verify`: probes from inside the live cage. A single probe that fails makes the answer no.
import type { Command } from '../command.ts';
import type { Verification } from '../library.ts';
import type { Span } from '../span.ts';
import { targetCage } from '../target-cage.ts';

export const verify: Command = {
  kind: 'command',
  name: 'verify',
  summary: 'probe from inside a live cage that its protections hold',
  notes: ['Exit code 1 when a probe fails. Failures are shown in full, and with --verbose all probes.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [{ name: 'attack', summary: 'all probes, not the quick ones alone: try to break out in every known way' }],
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
      const groups = [...new Set(result.probes.map(({ group }) => group))];
      output.table(
        groups.map((group) =>
          groupRow(
            group,
            result.probes.filter((probe) => probe.group === group),
          ),
        ),
      );
      const shown = output.verbose ? result.probes : result.probes.filter(({ ok }) => !ok);
      output.table(
        shown.map((probe) => [
          probe.ok ? ['green', 'ok'] : ['red', 'FAILED'],
          probe.id,
          probe.ok ? probe.observed : `expected ${probe.expected}, observed ${probe.observed}`,
        ]),
      );
      const failed = result.probes.filter((probe) => !probe.ok).length;
      output.line(
        result.ok
          ? ['green', `every probe passed, ${result.probes.length} in all`]
          : ['red', `${failed} of ${result.probes.length} failed`],
      );
    }
    return result.ok ? 0 : 1;
  },
};

function groupRow(group: string, probes: Verification['probes']): Span[] {
  const failed = probes.filter(({ ok }) => !ok).length;
  const passed = `${probes.length - failed} of ${probes.length}`;
  return [failed === 0 ? ['green', 'ok'] : ['red', 'FAILED'], group, passed];
}
