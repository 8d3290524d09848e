// `upgrade`: a newer agent or image for a cage. Nothing else ever changes what a cage is made of.
import { IronError } from '../../platform/errors.ts';
import type { Command } from '../command.ts';
import type { UpgradeOutcome } from '../library.ts';
import { targetCage } from '../target-cage.ts';

export const upgrade: Command = {
  kind: 'command',
  name: 'upgrade',
  summary: 'give a cage a newer agent or image, on purpose',
  notes: [
    'An agent that ironcage brought gets its newest version of the npm registry; an image of --image is pulled again, one of --dockerfile built again from fresh images.',
    'The new is there before the old is left. The cage is started with it; if that fails, it is taken back. Spec, home and work stay.',
    'A version that was taken counts for every cage that is made after that. An agent that this machine has is upgraded there, not here.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'to', value: 'VERSION', summary: 'this version of the agent, also an older one' },
    { name: 'pull', summary: 'an image of ironcage’s own also from a fresh Debian' },
    {
      name: 'offline',
      conflicts: ['to', 'pull'],
      summary: 'ask no registry: images as they are named on this machine, agents as they are locked',
    },
    { name: 'dry-run', summary: 'say what there is, build and change nothing' },
  ],
  examples: [
    { line: 'ironcage upgrade shop', does: 'the newest agent, and the newest image where it is not ironcage’s own' },
    { line: 'ironcage upgrade shop --to 2.1.300', does: 'exactly this version of its agent' },
    { line: 'ironcage upgrade --dry-run --json', does: 'what the cage of this project would get' },
  ],
  handler: async ({ word, flags }, session) => {
    const to = flags.text('to');
    if (to !== undefined && !/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/.test(to)) {
      throw new IronError('E_USAGE', {
        message: `--to ${JSON.stringify(to)} is no version`,
        hint: 'name one as the npm registry does: --to 2.1.300',
      });
    }
    const opened = await session.open();
    const name = await targetCage(opened, session, word('CAGE'));
    const outcome = await opened.library.upgradeCage(opened.context, name, {
      dryRun: flags.on('dry-run'),
      offline: flags.on('offline'),
      pull: flags.on('pull'),
      to,
    });
    if (session.output.json) session.output.document(outcome);
    else for (const line of linesOf(outcome)) session.output.line(line);
    return 0;
  },
};

function linesOf({ cage, dryRun, changed, image, agent }: UpgradeOutcome): string[] {
  const lines: string[] = [];
  if (agent?.where === 'host') {
    lines.push(
      `${agent.name} is this machine’s own, ${agent.after ?? 'unknown'}: upgrade it there; every run takes what is there`,
    );
  } else if (agent !== undefined) lines.push(`${agent.name} ${change(agent.before, agent.after)}`);
  if (image !== undefined) {
    const unknown = `${image.before}: whether there is a newer one is seen when it is built or pulled`;
    lines.push(image.after === undefined ? unknown : `image ${change(image.before, image.after)}`);
  }
  if (lines.length === 0) lines.push(`nothing of ${cage} is ironcage’s to upgrade: its programs are this machine’s`);
  else if (!dryRun) lines.push(changed ? `upgraded ${cage}` : `${cage} has the newest already`);
  return lines;
}

function change(before: string, after = 'unknown'): string {
  return before === after ? `${before}, unchanged` : `${before} → ${after}`;
}
