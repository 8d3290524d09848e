// `create`: makes a cage and keeps it, without starting anything in it.
import { CAGE_OPTIONS, readCageOptions } from '../cage-options.ts';
import type { Command } from '../command.ts';
import { outline } from '../outline.ts';

export const create: Command = {
  kind: 'command',
  name: 'create',
  summary: 'make a cage and keep it',
  notes: [
    'Prints the name of the cage. `ironcage start` starts it.',
    'A directory below the root of its work tree comes with the whole of that; programs start in it.',
  ],
  arguments: [
    {
      name: 'SOURCE',
      summary: 'a directory, or a git URL (https, ssh, git@host:path, file); default: this project',
      required: false,
    },
  ],
  options: [
    ...CAGE_OPTIONS,
    { name: 'agent', value: 'AGENT', summary: 'agent profile whose hosts and secrets the cage gets' },
    {
      name: 'rm',
      summary: 'only of run',
      notYet: { hint: 'leave it out; ironcage run --rm makes a cage that goes away again' },
    },
    { name: 'new', summary: 'only of run', notYet: { hint: 'leave it out and name the second cage with --name' } },
    { name: 'no-attach', summary: 'accepted for symmetry with run: create never attaches' },
    { name: 'dry-run', summary: 'print the plan, touch nothing' },
  ],
  examples: [
    { line: 'ironcage create', does: 'a cage for this project, named after its directory' },
    {
      line: 'ironcage create https://github.com/octocat/hello --branch main',
      does: 'a cage over a fresh clone, which ironcage keeps; show says where it lies',
    },
    { line: 'ironcage create ~/shop --name shop --allow npm', does: 'a cage named shop that may fetch npm packages' },
  ],
  handler: async ({ word, flags }, { output, open }) => {
    const { library, context } = await open();
    const options = readCageOptions(flags, flags.text('agent'));
    if (flags.on('dry-run')) {
      const plan = await library.planCage(context, word('SOURCE'), options);
      if (output.json) output.document(plan);
      else for (const line of outline(plan)) output.line(line);
      return 0;
    }
    const view = await library.createCage(context, word('SOURCE'), options);
    if (output.json) output.document(view);
    else {
      output.line(view.name);
      output.note(view.exposure);
      for (const { dir, path, reason } of view.leftOut)
        output.note(['yellow', 'left out'], `: ${dir === undefined ? '' : `${dir}: `}${path} (${reason})`);
    }
    return 0;
  },
};
