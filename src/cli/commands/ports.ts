// `ports`: what of a cage is reached from this machine. Live; the library opens and closes.
import type { Command, Invocation, Opened } from '../command.ts';
import type { PortsView } from '../library.ts';
import type { Output } from '../output.ts';
import { portRows } from '../port-rows.ts';
import { targetCage } from '../target-cage.ts';
import { usageError } from '../usage-error.ts';

export const ports: Command = {
  kind: 'command',
  name: 'ports',
  summary: 'show, publish and take back ports of a cage',
  notes: [
    'A port is [HOST:]PORT[:CAGE_PORT]: where it answers on this machine, and the port that a server inside listens on; HOST is an address, 127.0.0.1 unless said otherwise, an IPv6 address in brackets; 0 takes any free PORT.',
    'Live: a running cage needs no restart, and connections over other ports go on. The cage keeps its ports for later starts.',
  ],
  arguments: [
    { name: 'CAGE', summary: 'default: the cage of the current project', required: false },
    {
      name: 'add|rm',
      summary: 'publish ports, or take them back; without it the ports are shown',
      required: false,
      offered: [
        { name: 'add', summary: 'publish ports' },
        { name: 'rm', summary: 'take ports back' },
      ],
    },
    { name: 'PORT', summary: '[HOST:]PORT[:CAGE_PORT]; for rm PORT is enough', required: false, repeatable: true },
  ],
  options: [],
  examples: [
    { line: 'ironcage ports', does: 'the ports of the cage of this project' },
    { line: 'ironcage ports shop add 3000', does: 'http://127.0.0.1:3000 is the server on port 3000 inside shop' },
    { line: 'ironcage ports shop add 8081:3000 0:5432', does: 'two ports, one of them with any free number here' },
    { line: 'ironcage ports shop rm 3000', does: 'take port 3000 back' },
  ],
  handler: async (invocation, session) => {
    const opened = await session.open();
    const { library, context } = opened;
    const { cage, action, words } = readWords(invocation);
    const name = await targetCage(opened, session, cage);
    const view = await changed(opened, name, action, words);
    printPorts(view ?? (await library.showPorts(context, name)), session.output);
    return 0;
  },
};

interface Words {
  cage: string | undefined;
  action: 'add' | 'rm' | undefined;
  words: readonly string[];
}

/** The cage may be left out: then the action leads, unless another follows it. */
function readWords({ words }: Invocation): Words {
  const all = [...words('CAGE'), ...words('add|rm'), ...words('PORT')];
  const [first, second] = all;
  const leads = isAction(first) && !isAction(second);
  const cage = leads ? undefined : first;
  const [action, ...rest] = leads ? all : all.slice(1);
  if (action === undefined) return { cage, action, words: [] };
  if (!isAction(action)) {
    throw usageError(`${action} is neither add nor rm`, { hint: `ironcage ports ${cage ?? ''} add ${action}` });
  }
  if (rest.length > 0) return { cage, action, words: rest };
  throw usageError(`no port is named behind ${action}`, { hint: ports.examples[1]?.line ?? ports.examples[0].line });
}

function isAction(word: string | undefined): word is 'add' | 'rm' {
  return word === 'add' || word === 'rm';
}

function changed(
  { library, context }: Opened,
  name: string,
  action: Words['action'],
  words: readonly string[],
): Promise<PortsView> | undefined {
  switch (action) {
    case 'add':
      return library.publishPorts(context, name, words);
    case 'rm':
      return library.unpublishPorts(context, name, words);
    case undefined:
      return undefined;
    default:
      return action satisfies never;
  }
}

function printPorts({ cage, running, ports: published }: PortsView, output: Output): void {
  if (output.json) return output.document({ cage, running, ports: published });
  if (published.length === 0) output.note(`${cage} publishes no port; ironcage ports ${cage} add 3000 does`);
  else output.table(portRows(published, running));
}
