// `add-dir`: gives a cage a further directory. The library decides what can be one.
import type { Command } from '../command.ts';
import { targetCage } from '../target-cage.ts';

export const addDir: Command = {
  kind: 'command',
  name: 'add-dir',
  summary: 'give a cage a further directory',
  notes: [
    'It comes as the project does: a copy, or the directory itself in a cage with --workspace mount; at its own path inside, with its own base. diff and apply take --dir N or --all.',
    'The cage is made anew for it and keeps everything else; one that is in use is left alone.',
  ],
  arguments: [
    { name: 'CAGE', summary: 'default: the cage of the current project', required: false },
    {
      name: 'PATH',
      summary: 'the directory; not in, around or of one repository with another of the cage',
      required: true,
    },
  ],
  options: [{ name: 'name', value: 'N', summary: 'what to call it; default: the directory’s name' }],
  examples: [
    { line: 'ironcage add-dir ../shared-lib', does: 'the cage of this project gets ../shared-lib, named shared-lib' },
    { line: 'ironcage add-dir shop ~/src/My.Library --name mylib', does: 'the cage named shop gets it as mylib' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    const view = await library.addDir(context, name, word('PATH') ?? '', { name: flags.text('name') });
    if (output.json) output.document(view);
    else output.table(view.dirs.map(({ name: dir, path }) => [dir, path]));
    return 0;
  },
};
