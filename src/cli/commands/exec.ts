// `exec`: one command in a cage; its exit code is ours.
import type { Command } from '../command.ts';
import { parseVariables } from '../variables.ts';
import { targetCage } from '../target-cage.ts';

export const exec: Command = {
  kind: 'command',
  name: 'exec',
  summary: 'run one command in a cage',
  notes: ['A stopped cage is started. The exit code is the command’s; 128 and its number for a signal.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  passed: { name: 'CMD…', summary: 'the command and its arguments; no shell reads them', required: true },
  options: [
    { name: 'env', value: 'K=V', repeatable: true, summary: 'set a variable for the command' },
    { name: 'cwd', value: 'DIR', summary: 'directory inside; default: the project' },
  ],
  examples: [
    { line: 'ironcage exec -- npm test', does: 'run the tests in the cage of this project' },
    { line: 'ironcage exec shop --cwd /tmp -- ls -la', does: 'list a directory of the cage named shop' },
  ],
  handler: async ({ word, passed, flags }, session) => {
    const env = parseVariables(flags.list('env'));
    const cwd = flags.text('cwd');
    const opened = await session.open();
    const name = await targetCage(opened, session, word('CAGE'));
    const request = { argv: [...(passed ?? [])], env, ...(cwd === undefined ? {} : { cwd }) };
    const stdio = session.terminal ? 'terminal' : 'inherit';
    return (await opened.library.execInCage(opened.context, name, request, stdio)).exitCode;
  },
};
