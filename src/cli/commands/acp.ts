// `acp`: a caged agent for an editor that speaks the Agent Client Protocol.
import { resolve } from 'node:path';
import { readVersion } from '../../platform/version.ts';
import { CAGE_OPTIONS, readCageOptions } from '../cage-options.ts';
import type { Command } from '../command.ts';
import { usageError } from '../usage-error.ts';

export const acp: Command = {
  kind: 'command',
  name: 'acp',
  summary: 'serve an editor: an agent in a cage over the Agent Client Protocol',
  notes: [
    'Speaks on stdin and stdout until stdin ends; the editor starts it. Each prompt is a run of the agent in the project’s cage, which is made where there is none.',
    'The editor’s own files and terminals are never used by the agent: its change comes back by ironcage diff, review and apply.',
  ],
  arguments: [
    { name: 'AGENT', summary: 'agent profile', required: true },
    { name: 'DIR', summary: 'the project; default: the current directory', required: false },
  ],
  options: CAGE_OPTIONS,
  examples: [
    { line: 'ironcage acp claude', does: 'what an editor starts in the directory of the project' },
    { line: 'ironcage acp codex ~/shop --allow npm', does: 'another agent, and a cage that may fetch npm packages' },
  ],
  handler: async ({ word, flags }, session) => {
    const agent = word('AGENT');
    if (agent === undefined) throw usageError('which agent?', { hint: 'ironcage acp claude' });
    const { context } = await session.open();
    const { serveAcp } = await import('../../acp/serve.ts');
    await serveAcp({
      version: readVersion(),
      agent,
      project: resolve(session.cwd, word('DIR') ?? '.'),
      options: readCageOptions(flags, agent),
      context: { home: context.dataRoot, environment: context.environment, cwd: session.cwd },
    });
    return 0;
  },
};
