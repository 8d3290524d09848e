// `compare`: what came of several cages of one project, side by side; the others can go.
import type { Command, Opened, Session } from '../command.ts';
import { comparedFileRows, comparisonRows } from '../fleet-rows.ts';
import { removeOrAsk } from '../remove-or-ask.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

export const compare: Command = {
  kind: 'command',
  name: 'compare',
  summary: 'show the work of several cages side by side, and keep one',
  notes: [
    'Files with the same letter came to the same contents. --check runs a command in each cage, which can change files there.',
    '--keep removes the other cages: their unexported work is named, and asked about, first.',
  ],
  arguments: [{ name: 'CAGE', summary: 'cages of one project, two or more', required: true, repeatable: true }],
  options: [
    { name: 'check', value: 'COMMAND', repeatable: true, summary: 'run this in each cage, and show what it gives' },
    { name: 'full', conflicts: ['keep'], summary: 'of two cages: what differs between them, as a patch' },
    { name: 'keep', value: 'CAGE', summary: 'remove the others' },
    { name: 'yes', short: 'y', summary: 'with --keep: ask nothing; refuse where a question would be needed' },
    { name: 'discard', summary: 'with --keep: also with unexported work' },
  ],
  examples: [
    { line: 'ironcage compare shop-claude shop-codex', does: 'changes, cost and traffic of two cages' },
    { line: "ironcage compare shop-1 shop-2 shop-3 --check 'npm test'", does: 'and which of them pass the tests' },
    { line: 'ironcage compare shop-1 shop-2 --full', does: 'how the work of the two differs' },
    { line: 'ironcage compare shop-1 shop-2 --keep shop-2', does: 'remove shop-1, and keep shop-2' },
  ],
  handler: async ({ words, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const names: string[] = [];
    for (const given of new Set(words('CAGE'))) names.push(await targetCage(opened, session, given));
    if (names.length < 2) {
      throw usageError('one cage cannot be compared', { hint: 'name two or more: ironcage compare ONE OTHER' });
    }
    const keep = flags.text('keep');
    if (keep !== undefined && !names.includes(keep)) {
      throw usageError(`--keep ${keep} is none of the cages that are compared`, {
        hint: `name one of: ${names.join(', ')}`,
      });
    }
    if (flags.on('full')) return showDifference(opened, session, names);
    const comparison = await library.compareCages(context, names, { checks: flags.list('check') });
    if (output.json && keep === undefined) output.document(comparison);
    else if (!output.json) {
      output.table(comparisonRows(comparison.cages));
      if (comparison.files.length > 0) {
        output.line('');
        output.table(comparedFileRows(comparison.files, comparison.cages));
      }
    }
    if (keep === undefined) return 0;
    const removed: string[] = [];
    const kept = [keep];
    for (const name of names.filter((each) => each !== keep)) {
      const gone = await removeOrAsk(session, {
        remove: (options) => library.removeCage(context, name, options),
        discard: flags.on('discard'),
        mayAsk: session.interactive && !flags.on('yes'),
        question: `Remove ${name} with this work?`,
      });
      (gone ? removed : kept).push(name);
      if (!output.json) output.note(gone ? `removed ${name}` : `kept ${name}`);
    }
    if (output.json) output.document({ ...comparison, removed, kept });
    return kept.length === 1 ? 0 : 1;
  },
};

async function showDifference(
  { library, context }: Opened,
  { output }: Session,
  names: readonly string[],
): Promise<number> {
  const [first, second, ...more] = names;
  if (first === undefined || second === undefined || more.length > 0) {
    throw usageError('--full compares two cages', { hint: 'name two, or leave --full out' });
  }
  const text = output.textPieces();
  await library.differenceOfCages(context, first, second, (piece) => text.write(piece));
  text.end();
  return 0;
}
