// `prune`: empties the trash of what is past its days, and takes away what crashes left behind. Shows everything first; work that is
// nowhere else is named and goes only with --discard or a typed yes.
import type { Command, Session } from '../command.ts';
import { count } from '../change-rows.ts';
import type { Flags } from '../flags.ts';
import type { Leftover } from '../kept-library.ts';
import { confirm, confirmTyped } from '../prompt.ts';
import { parseSince } from '../since.ts';
import { sizeText } from '../size-text.ts';
import type { Span } from '../span.ts';
import { usageError } from '../usage-error.ts';

const DEFAULT_AGE = '7d';
const NAMED_FILES = 20;

export const prune: Command = {
  kind: 'command',
  name: 'prune',
  summary: 'empty the trash of removed cages and take away what crashes left behind',
  notes: [
    'Removed cages stay in the trash for seven days; `ironcage restore --trash NAME` brings one back.',
    'A cage whose work is nowhere else is named and stays, however old, unless you type yes or give --discard. -y does not skip that.',
  ],
  arguments: [],
  options: [
    { name: 'all', short: 'a', conflicts: ['older-than'], summary: 'everything in the trash, whatever its age' },
    { name: 'older-than', value: 'AGE', summary: `what was removed longer ago: 12h, 3d; default ${DEFAULT_AGE}` },
    { name: 'discard', summary: 'throw unexported work away too' },
    { name: 'dry-run', summary: 'only show what would go' },
    { name: 'yes', short: 'y', summary: 'do not ask' },
  ],
  examples: [
    { line: 'ironcage prune --dry-run', does: 'what would go, how large it is, and what work is in it' },
    { line: 'ironcage prune -y', does: 'for a script: whatever nobody could miss' },
    { line: 'ironcage prune --all --discard -y', does: 'empty the trash, work and all' },
  ],
  handler: async ({ flags }, session) => {
    const { output } = session;
    const { library, context } = await session.open();
    const age = flags.on('all') ? '0s' : (flags.text('older-than') ?? DEFAULT_AGE);
    const removedBeforeMs = parseSince(age, context.clock.now(), '--older-than');
    const leftovers = await library.findLeftovers(context, { removedBeforeMs });
    const isDryRun = flags.on('dry-run') || leftovers.length === 0;
    if (!output.json || session.interactive) tellLeftovers(leftovers, session);
    if (isDryRun) {
      if (output.json) output.document({ dryRun: true, found: leftovers });
      return 0;
    }
    const decision = await decide(leftovers, flags, session);
    if (decision === 'no') {
      if (output.json) output.document({ removed: [], kept: leftovers, failed: [] });
      return 1;
    }
    const pruned = await library.removeLeftovers(context, leftovers, { discard: decision === 'discard' });
    if (output.json) output.document(pruned);
    else {
      output.line(`removed ${count(pruned.removed.length, 'thing')}, ${sizeText(bytesOf(pruned.removed))}`);
      for (const { id } of pruned.kept) output.line(['yellow', 'kept'], ` ${id}: its work is nowhere else (--discard)`);
      for (const { id, because } of pruned.failed) output.line(['red', 'failed'], ` ${id}: ${because}`);
    }
    return pruned.failed.length === 0 ? 0 : 1;
  },
};

function tellLeftovers(leftovers: readonly Leftover[], { output }: Session): void {
  if (leftovers.length === 0) return output.note('nothing to take away');
  output.tellTable(leftovers.map(row));
  for (const { id, unexported } of leftovers) {
    if (unexported.length === 0) continue;
    output.tell(['yellow', `${id} holds work that is nowhere else:`]);
    for (const path of unexported.slice(0, NAMED_FILES)) output.tell('  ', path);
    if (unexported.length > NAMED_FILES) output.tell(`  and ${unexported.length - NAMED_FILES} more`);
  }
  output.tell(`${count(leftovers.length, 'thing')}, ${sizeText(bytesOf(leftovers))}`);
}

function row({ kind, id, removedAt, bytes, unexported }: Leftover): Span[] {
  const what = kind === 'trash' ? `removed ${(removedAt ?? '').slice(0, 16).replace('T', ' ')}` : 'left by a crash';
  const work: Span = unexported.length === 0 ? '' : ['yellow', 'unexported work'];
  return [`  ${id}`, what, sizeText(bytes), work];
}

function bytesOf(leftovers: readonly Leftover[]): number {
  return leftovers.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** `discard`: what holds unexported work goes too. */
async function decide(
  leftovers: readonly Leftover[],
  flags: Flags,
  session: Session,
): Promise<'discard' | 'keep' | 'no'> {
  if (!session.interactive && !flags.on('yes')) {
    throw usageError('taking these things away needs a yes', { hint: 'add --yes, or --dry-run to look only' });
  }
  const discard = flags.on('discard');
  const withWork = leftovers.filter(({ unexported }) => unexported.length > 0).length;
  const asked = discard ? leftovers.length : leftovers.length - withWork;
  if (flags.on('yes')) return discard ? 'discard' : 'keep';
  if (asked > 0 && !(await confirm(session, `Take ${count(asked, 'thing')} away?`))) return 'no';
  if (discard || withWork === 0) return discard ? 'discard' : 'keep';
  const agreed = await confirmTyped(session, `Throw away what is nowhere else, in ${count(withWork, 'cage')}?`);
  return agreed ? 'discard' : 'keep';
}
