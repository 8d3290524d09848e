// `diff`: what the agent changed against the recorded base. Never changes the cage.
import { changeRows, changeTotals } from '../change-rows.ts';
import type { Command } from '../command.ts';
import { targetCage } from '../target-cage.ts';

const ONE_DIRECTORY = { hint: 'leave it out: a cage has one directory for now' };

export const diff: Command = {
  kind: 'command',
  name: 'diff',
  summary: 'show what the agent changed against the recorded base',
  notes: ['Files that can run on the host once they are applied are marked with !.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'full', conflicts: ['stat'], summary: 'the whole change as a patch' },
    { name: 'stat', summary: 'lines per file, as git diff --stat has it' },
    { name: 'exit-code', summary: 'exit with 1 when there is a change' },
    { name: 'dir', value: 'N', summary: 'the change of one further directory', notYet: ONE_DIRECTORY },
    { name: 'all', summary: 'the change of every directory', notYet: ONE_DIRECTORY },
  ],
  examples: [
    { line: 'ironcage diff', does: 'one line a file' },
    { line: 'ironcage diff shop --full', does: 'every line that changed in the cage named shop' },
    { line: 'ironcage diff --exit-code --json', does: 'for a script: the files, and 1 when there are any' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    const change = await library.diffCage(context, name);
    const style = flags.on('full') ? 'full' : flags.on('stat') ? 'stat' : undefined;
    if (output.json) output.document(change);
    else if (change.files.length === 0) output.note(`${name}: no change against its base`);
    else if (style !== undefined) output.text(await library.diffCageText(context, name, style));
    else {
      output.table(changeRows(change.files));
      output.line(changeTotals(change.files));
    }
    if (!output.json) {
      for (const { path, reason } of change.skipped) output.note(['yellow', 'skipped'], `: ${path} (${reason})`);
    }
    return flags.on('exit-code') && change.files.length > 0 ? 1 : 0;
  },
};
