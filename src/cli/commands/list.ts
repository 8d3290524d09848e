// `list`: one line a cage.
import type { Command } from '../command.ts';
import type { CageInfo } from '../library.ts';
import type { Span, Style } from '../span.ts';

export const list: Command = {
  kind: 'command',
  name: 'list',
  summary: 'list the cages',
  arguments: [],
  options: [],
  examples: [
    { line: 'ironcage list', does: 'every cage, its status, and whether it holds unexported work' },
    { line: 'ironcage list --json', does: 'the same for a script' },
  ],
  handler: async (_invocation, { output, open }) => {
    const { library, context } = await open();
    const cages = await library.listCages(context);
    if (output.json) output.document(cages);
    else if (cages.length === 0) output.note('there is no cage yet; ironcage run claude makes one');
    else output.table([HEADS, ...cages.map(row)]);
    return 0;
  },
};

export const STATUS_STYLES: Readonly<Record<CageInfo['status'], Style>> = {
  running: 'green',
  stopped: 'dim',
  broken: 'red',
};

const HEADS: Span[] = ['NAME', 'STATUS', 'BACKEND', 'WORKSPACE', 'NET', 'UNEXPORTED', 'CREATED', 'PROJECT'];

function row(cage: CageInfo): Span[] {
  return [
    cage.name,
    [STATUS_STYLES[cage.status], cage.status],
    cage.backend,
    cage.workspace,
    cage.net,
    cage.unexported ? ['yellow', 'yes'] : 'no',
    cage.createdAt.slice(0, 16).replace('T', ' '),
    cage.project,
  ];
}
