// `completion`: the script that a shell reads at its start.
import { completionModel, type CompletionModel } from '../completion-model.ts';
import type { Command } from '../command.ts';
import { bashCompletion } from '../completion-bash.ts';
import { fishCompletion } from '../completion-fish.ts';
import { zshCompletion } from '../completion-zsh.ts';
import { usageError } from '../usage-error.ts';

const SHELLS: ReadonlyMap<string, (model: CompletionModel) => string> = new Map([
  ['bash', bashCompletion],
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
]);

export const completion: Command = {
  kind: 'command',
  name: 'completion',
  summary: 'print the completion script of a shell',
  arguments: [{ name: 'SHELL', summary: 'bash, zsh or fish', required: true }],
  options: [],
  examples: [
    { line: 'source <(ironcage completion bash)', does: 'for this bash; put the line into ~/.bashrc for all' },
    { line: 'ironcage completion zsh > "${fpath[1]}/_ironcage"', does: 'for every zsh' },
    { line: 'ironcage completion fish > ~/.config/fish/completions/ironcage.fish', does: 'for every fish' },
  ],
  handler: async ({ word }, { output, allCommands }) => {
    const render = SHELLS.get(word('SHELL') ?? '');
    if (render === undefined) {
      throw usageError(`there is no completion for ${word('SHELL') ?? ''}`, {
        because: `there is one for ${[...SHELLS.keys()].join(', ')}`,
        hint: 'ironcage completion bash',
      });
    }
    const script = render(completionModel(await allCommands()));
    if (output.json) output.document({ shell: word('SHELL'), script });
    else output.text(script);
    return 0;
  },
};
