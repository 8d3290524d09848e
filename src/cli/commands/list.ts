// `list`: one line a cage.
import type { Command } from '../command.ts';
import type { TrashedCage } from '../kept-library.ts';
import type { CageInfo } from '../library.ts';
import type { Span, Style } from '../span.ts';

export const list: Command = {
  kind: 'command',
  name: 'list',
  summary: 'list the cages',
  arguments: [],
  options: [{ name: 'trash', summary: 'the removed cages that can be brought back' }],
  examples: [
    { line: 'ironcage list', does: 'every cage, its status, and whether it holds unexported work' },
    { line: 'ironcage list --json', does: 'the same for a script' },
    { line: 'ironcage list --trash', does: 'what ironcage restore --trash can bring back' },
  ],
  handler: async ({ flags }, { output, open }) => {
    const { library, context } = await open();
    if (flags.on('trash')) {
      const trash = await library.listTrash(context);
      if (output.json) output.document(trash);
      else if (trash.length === 0) output.note('the trash is empty');
      else output.table([['ID', 'CAGE', 'REMOVED', 'WORK'], ...trash.map(trashRow)]);
      return 0;
    }
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

function trashRow({ id, name, removedAt, checked }: TrashedCage): Span[] {
  const work: Span = checked ? 'taken over' : ['yellow', 'not looked at'];
  return [id, name, removedAt.slice(0, 16).replace('T', ' '), work];
}

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
