// `patch`: a cage's work as mails for `git am`: the agent's commits, and what was not committed as the last one.
import { dirTitle } from '../chosen-dirs.ts';
import type { Command } from '../command.ts';
import { targetCage } from '../target-cage.ts';

export const patch: Command = {
  kind: 'command',
  name: 'patch',
  summary: 'write the work of a cage as patches for git am',
  notes: [
    'One patch for each commit since the base, with its author, time and message, and a last one for what was not committed. Applied in order to the base (git am) they give the cage’s files.',
    'They go to .ironcage-patches/CAGE below the current directory, in the place of those of an earlier call; an ignore file there keeps git from taking them for work.',
    'A merge comes as what it changed on its first parent. Read patches before you apply them: git am runs the hooks of your repository, and what lands can run.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    {
      name: 'output',
      short: 'o',
      value: 'DIR',
      conflicts: ['stdout'],
      summary: 'into this directory, which holds no patches yet',
    },
    { name: 'stdout', summary: 'all of them as one mailbox on stdout' },
    { name: 'dir', value: 'N', summary: 'a further directory in the place of the project' },
  ],
  examples: [
    { line: 'ironcage patch', does: 'the work in this project’s cage, below .ironcage-patches' },
    { line: 'ironcage patch shop -o ../review', does: 'the patches of the cage named shop in ../review' },
    { line: 'ironcage patch shop --stdout | git am', does: 'take the commits over as they are' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    const view = await library.patchesOfCage(context, name, flags.text('dir') ?? '');
    const { patches, skipped } = view;
    const title = dirTitle(name, view.dir);
    if (patches.length === 0 && !output.json) output.note(`${title}: nothing to patch, no change against its base`);
    for (const { path, reason } of skipped) output.note(['yellow', 'skipped'], `: ${path} (${reason})`);
    if (flags.on('stdout') && !output.json) {
      for (const { contents } of patches) await output.bytes(contents);
      return 0;
    }
    const told = patches.map(({ contents, ...each }) =>
      flags.on('stdout') ? { ...each, text: contents.toString('utf8') } : each,
    );
    const isWritten = patches.length > 0 && !flags.on('stdout');
    const directory = isWritten ? await library.writePatches(context, view, flags.text('output')) : undefined;
    if (output.json) {
      const of = view.dir === undefined ? {} : { dir: view.dir };
      output.document({ cage: name, ...of, ...(directory === undefined ? {} : { directory }), patches: told, skipped });
    } else if (directory !== undefined) {
      output.table(patches.map(({ file, author, commit }) => [file, commit === undefined ? 'not committed' : author]));
      const several = patches.length === 1 ? '1 patch' : `${patches.length} patches`;
      output.note(`${several} in ${directory}; apply with git am ${directory}/*.patch`);
    }
    return 0;
  },
};
