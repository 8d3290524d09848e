// `profiles`: the homes that cages share by --profile.
import { IronError } from '../../platform/errors.ts';
import type { Command, CommandGroup } from '../command.ts';
import { confirmTyped } from '../prompt.ts';

const list: Command = {
  kind: 'command',
  name: 'profiles list',
  summary: 'list the homes that cages share, and which cages share them',
  arguments: [],
  options: [],
  examples: [{ line: 'ironcage profiles list', does: 'names for --profile of run and create' }],
  handler: async (_invocation, { output, open }) => {
    const { library, context } = await open();
    const profiles = await library.listHomeProfiles(context);
    if (output.json) output.document(profiles);
    else if (profiles.length === 0) output.note('no profiles: ironcage run AGENT --profile NAME makes one');
    else {
      const rows = profiles.map(({ name, createdAt, cages }) => [name, createdAt, cages.join(', ') || 'no cage']);
      output.table([['NAME', 'CREATED', 'CAGES'], ...rows]);
    }
    return 0;
  },
};

const remove: Command = {
  kind: 'command',
  name: 'profiles rm',
  summary: 'remove shared homes with all that is in them',
  notes: ['One that a cage shares stays until that cage is removed. Without -y it asks.'],
  arguments: [{ name: 'NAME', summary: 'a name of profiles list', required: true, repeatable: true }],
  options: [{ name: 'yes', short: 'y', summary: 'ask nothing' }],
  examples: [{ line: 'ironcage profiles rm work', does: 'remove the profile work: its logins, settings and history' }],
  handler: async ({ words, flags }, session) => {
    const { library, context } = await session.open();
    const removed: string[] = [];
    for (const name of new Set(words('NAME'))) {
      if (!flags.on('yes')) {
        if (!session.interactive) {
          throw new IronError('E_REFUSED', {
            message: `the profile ${name} is not removed without a yes`,
            because: 'there is no terminal to ask at',
            hint: `ironcage profiles rm -y ${name}`,
          });
        }
        if (!(await confirmTyped(session, `Remove the profile ${name} with its logins, settings and history?`))) {
          continue;
        }
      }
      await library.removeHomeProfile(context, name);
      removed.push(name);
      if (!session.output.json) session.output.note(`removed the profile ${name}`);
    }
    if (session.output.json) session.output.document({ removed });
    return removed.length === new Set(words('NAME')).size ? 0 : 1;
  },
};

export const profiles: CommandGroup = {
  kind: 'group',
  name: 'profiles',
  summary: 'list and remove the homes that cages share',
  commands: [list, remove],
};
