// `mcp`: the library as tools for an agent outside of every cage. The options are the user's word on what cages made here may do.
import { readVersion } from '../../platform/version.ts';
import { CAGE_OPTIONS, readCageOptions } from '../cage-options.ts';
import type { Command } from '../command.ts';

export const mcp: Command = {
  kind: 'command',
  name: 'mcp',
  summary: 'serve an outer agent: cages as tools of the Model Context Protocol',
  notes: [
    'Speaks on stdin and stdout until stdin ends; a program that knows the protocol starts it. The options hold for every cage that is made through it: who calls a tool cannot widen them.',
    'No tool changes the rules of a cage: what was refused is shown with the command that would allow it, for you to type.',
  ],
  arguments: [],
  options: CAGE_OPTIONS.map((option) =>
    option.name === 'name'
      ? { ...option, notYet: { hint: 'leave it out: who makes a cage gives it its name' } }
      : option,
  ),
  examples: [
    { line: 'claude mcp add ironcage -- ironcage mcp', does: 'give Claude Code on this machine the tools' },
    { line: 'ironcage mcp --allow npm --memory 4g', does: 'the same, for cages that may fetch npm packages' },
  ],
  handler: async ({ flags }, session) => {
    const { context } = await session.open();
    const { serveMcp } = await import('../../mcp/serve.ts');
    await serveMcp({
      version: readVersion(),
      options: readCageOptions(flags, undefined),
      context: { home: context.dataRoot, environment: context.environment, cwd: session.cwd },
    });
    return 0;
  },
};
