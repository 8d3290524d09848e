// `shell`: a login shell in a cage, on a terminal of its own where there is one.
import type { Command } from '../command.ts';
import { targetCage } from '../target-cage.ts';

export const shell: Command = {
  kind: 'command',
  name: 'shell',
  summary: 'open a shell in a cage',
  notes: ['A stopped cage is started. The exit code is the shell’s.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [],
  examples: [
    { line: 'ironcage shell', does: 'a shell in the cage of this project' },
    { line: 'echo "npm test" | ironcage shell shop', does: 'a script, read by a shell in the cage named shop' },
  ],
  handler: async ({ word }, session) => {
    const { library, context } = await session.open();
    const name = await targetCage({ library, context }, session, word('CAGE'));
    const stdio = session.terminal ? 'terminal' : 'inherit';
    return (await library.execInCage(context, name, { argv: [...library.shellArgv()] }, stdio)).exitCode;
  },
};
