// `fork`: another cage from one that is there. The library gives it an identity of its own.
import type { Command } from '../command.ts';
import type { Forked } from '../kept-library.ts';
import type { Output } from '../output.ts';
import { targetCage } from '../target-cage.ts';

export const fork: Command = {
  kind: 'command',
  name: 'fork',
  summary: 'make another cage with the workspace, home and spec of one that is there',
  notes: [
    'The new cage has an authority, placeholders and a record of its own, and the same base: diff and apply of the two do not know of each other. Secrets are bound by name as in the first one. Published ports stay with that one.',
    'A running cage is held still while its files are copied. One over a mounted project cannot be forked.',
  ],
  arguments: [
    { name: 'CAGE', summary: 'default: the cage of the current project', required: false },
    { name: 'NEW', summary: 'name of the new cage', required: true },
  ],
  options: [{ name: 'from', value: 'S', snapshots: true, summary: 'as this snapshot has it; default: as it is now' }],
  examples: [
    { line: 'ironcage fork second-try', does: 'go on from here in two cages' },
    { line: 'ironcage fork shop shop-b --from before-upgrade', does: 'a cage shop-b as shop was then' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const from = await targetCage(opened, session, word('CAGE'));
    const made = await opened.library.forkCage(opened.context, from, word('NEW') ?? '', { from: flags.text('from') });
    if (output.json) output.document(made);
    else printFork(made, output);
    return 0;
  },
};

function printFork(
  { cage, from, leftOut, notPart, unpublished, withoutValue, formerRules }: Forked,
  output: Output,
): void {
  for (const { path, reason } of leftOut) output.note(`left out: ${path} (${reason})`);
  for (const line of notPart) output.note(`not copied: ${line}`);
  if (unpublished.length > 0)
    output.note(`ports stay with ${from}: ${unpublished.join(', ')}; ironcage ports ${cage} add publishes others`);
  for (const name of withoutValue)
    output.note(
      `${name} is stored for ${from} alone: ironcage secret set ${name} --cage ${cage} gives ${cage} a value`,
    );
  for (const rule of formerRules) output.note(['yellow', `a rule that ${from} has no more`], `: ${rule}`);
  output.line(cage);
}
