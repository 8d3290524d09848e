// `policy prune`: takes away grants that nothing used for a while, after a yes. Deny rules stay.
import type { Command } from '../command.ts';
import { confirm } from '../prompt.ts';
import { parseSince } from '../since.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

const DEFAULT_AGE = '30d';

export const policyPrune: Command = {
  kind: 'command',
  name: 'policy prune',
  summary: 'take away allow rules that nothing uses, and expired ones',
  notes: [
    'A bundle goes as a whole or stays. Deny rules and what the agent of the cage needs stay.',
    'Where the record does not reach back that far, only expired rules are named.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'unused-for', value: 'AGE', summary: `how long nothing has used them: 7d, 12w; default ${DEFAULT_AGE}` },
    { name: 'dry-run', summary: 'only show what would go' },
    { name: 'yes', short: 'y', summary: 'do not ask' },
  ],
  examples: [{ line: 'ironcage policy prune --unused-for 7d', does: 'drop what was not used for a week' }],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    const sinceMs = parseSince(flags.text('unused-for') ?? DEFAULT_AGE, context.clock.now(), '--unused-for');
    const plan = await library.planPrune(context, name, sinceMs);
    const isDryRun = flags.on('dry-run') || plan.prunable.length === 0;
    if (!output.json) {
      output.tellTable(plan.prunable.map(({ text, reason }) => [`  ${text}`, ['dim', reason]]));
      if (!plan.covered) output.note('the record does not reach back that far, so no rule is called unused');
      if (plan.prunable.length === 0) output.note('nothing to take away');
    }
    if (!isDryRun && !flags.on('yes')) {
      if (!session.interactive) {
        throw usageError('taking rules away needs a yes', { hint: 'add --yes, or --dry-run to look only' });
      }
      if (!(await confirm(session, `take ${plan.prunable.length} away?`))) return 1;
    }
    const change = isDryRun ? undefined : await library.prunePolicy(context, name, plan);
    if (output.json) output.document({ ...plan, applied: change });
    else if (change !== undefined) output.line(`${name}: generation ${change.generation}`);
    return 0;
  },
};
