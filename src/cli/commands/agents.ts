// `agents`: the profiles that `run` and `launch` take, and those of the user's own.
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
    const { library, context } = await open();
    const agents = await library.listAgents(context);
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
    const { library, context } = await open();
    const agents = await library.listAgents(context);
    const agent = agents.find(({ name }) => name === word('AGENT'));
    if (agent === undefined) {
      // Of one whose file has mistakes they are what there is to show.
      await library.checkAgent(context, word('AGENT') ?? '');
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

const NAME = { name: 'NAME', summary: 'an agent of your own', required: true } as const;

const create: Command = {
  kind: 'command',
  name: 'agents create',
  summary: 'make an agent of your own, as a file that says how it is got, started and read',
  notes: [
    'The file lies in ~/.config/ironcage/agents; a project has none. docs/agents.md explains every key.',
    'Of an agent of ironcage’s it is a copy that goes its own way; of a settings file that names a key only the rest is in it.',
  ],
  arguments: [{ name: 'NAME', summary: 'small letters, digits and -', required: true }],
  options: [{ name: 'from', value: 'AGENT', summary: 'the agent to begin with (default: shell)' }],
  examples: [
    { line: 'ironcage agents create goose', does: 'a file with every key that such an agent needs' },
    { line: 'ironcage agents create my-claude --from claude', does: 'Claude Code with arguments of your own' },
  ],
  handler: async ({ word, flags }, { output, open }) => {
    const { library, context } = await open();
    const name = word('NAME') ?? '';
    const file = await library.createAgent(context, name, flags.text('from') ?? 'shell');
    if (output.json) output.document({ name, file });
    else output.line(`made ${file}; ironcage agents edit ${name} opens and checks it`);
    return 0;
  },
};

const edit: Command = {
  kind: 'command',
  name: 'agents edit',
  summary: 'open the file of an agent of your own in $VISUAL or $EDITOR, and check it afterwards',
  notes: ['Every mistake is named with its line. Cages that were made before keep their rules, secrets and variables.'],
  arguments: [NAME],
  options: [],
  examples: [{ line: 'ironcage agents edit goose', does: 'opens it; with a mistake in it, it cannot be run' }],
  handler: async ({ word }, { output, open }) => {
    const { library, context } = await open();
    const name = word('NAME') ?? '';
    await library.editAgent(context, name);
    await library.checkAgent(context, name);
    output.note(`${name} is right: ironcage run ${name}`);
    return 0;
  },
};

const exportCommand: Command = {
  kind: 'command',
  name: 'agents export',
  summary: 'print any agent as the text of a file',
  arguments: [{ name: 'AGENT', summary: 'a name of agents list', required: true }],
  options: [],
  examples: [
    {
      line: 'ironcage agents export codex',
      does: 'what ironcage knows about Codex, as a file of your own would say it',
    },
  ],
  handler: async ({ word }, { output, open }) => {
    const { library, context } = await open();
    const text = await library.exportAgent(context, word('AGENT') ?? '');
    if (output.json) output.document({ name: word('AGENT'), text });
    else output.text(text);
    return 0;
  },
};

const rm: Command = {
  kind: 'command',
  name: 'agents rm',
  summary: 'take the file of an agent of your own away',
  arguments: [NAME],
  options: [],
  examples: [{ line: 'ironcage agents rm goose', does: 'refused while a cage was made for it' }],
  handler: async ({ word }, { output, open }) => {
    const { library, context } = await open();
    await library.removeAgent(context, word('NAME') ?? '');
    output.note(`removed ${word('NAME') ?? ''}`);
    return 0;
  },
};

export const agents: CommandGroup = {
  kind: 'group',
  name: 'agents',
  summary: 'show which agents can be run, and make some of your own',
  commands: [list, show, create, edit, exportCommand, rm],
};
