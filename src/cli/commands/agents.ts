// `agents`: the profiles that `run` takes.
import { IronError } from '../../platform/errors.ts';
import type { Command, CommandGroup } from '../command.ts';

const list: Command = {
  kind: 'command',
  name: 'agents list',
  summary: 'list the agents that can be run',
  arguments: [],
  options: [],
  examples: [{ line: 'ironcage agents list', does: 'names for ironcage run' }],
  handler: async (_invocation, { output, open }) => {
    const agents = await (await open()).library.listAgents();
    if (output.json) output.document(agents);
    else output.table([['NAME', 'TITLE', 'HOSTS'], ...agents.map((a) => [a.name, a.title, a.hosts.join(', ')])]);
    return 0;
  },
};

const show: Command = {
  kind: 'command',
  name: 'agents show',
  summary: 'show what an agent needs',
  arguments: [{ name: 'AGENT', summary: 'a name of agents list', required: true }],
  options: [],
  examples: [{ line: 'ironcage agents show claude', does: 'the hosts and secrets of Claude Code' }],
  handler: async ({ word }, { output, open }) => {
    const agents = await (await open()).library.listAgents();
    const agent = agents.find(({ name }) => name === word('AGENT'));
    if (agent === undefined) {
      throw new IronError('E_NO_AGENT', {
        message: `there is no agent ${word('AGENT') ?? ''}`,
        because: `there are ${agents.map(({ name }) => name).join(', ')}`,
        hint: 'ironcage agents list shows them',
      });
    }
    if (output.json) output.document(agent);
    else {
      output.table([
        [['dim', 'name'], agent.name],
        [['dim', 'title'], agent.title],
        [['dim', 'hosts'], agent.hosts.join(', ') || 'none'],
        [['dim', 'secrets'], agent.secrets.join(', ') || 'none'],
      ]);
    }
    return 0;
  },
};

export const agents: CommandGroup = {
  kind: 'group',
  name: 'agents',
  summary: 'show which agents can be run',
  commands: [list, show],
};
