// `show`: the exposure of one cage. Every loosening must be visible here.
import type { Command } from '../command.ts';
import type { CageView, LimitView } from '../library.ts';
import { outline } from '../outline.ts';
import { portRows } from '../port-rows.ts';
import type { Output } from '../output.ts';
import type { Span } from '../span.ts';
import { ruleRows } from '../rule-rows.ts';
import { tookText } from '../run-rows.ts';
import { sizeText } from '../size-text.ts';
import { snapshotRows } from '../snapshot-rows.ts';
import { targetCage } from '../target-cage.ts';
import { STATUS_STYLES } from './list.ts';

export const show: Command = {
  kind: 'command',
  name: 'show',
  summary: 'show what a cage can reach, read and write, and with which secrets',
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [],
  examples: [
    { line: 'ironcage show', does: 'the exposure of the cage of this project' },
    { line: 'ironcage show shop --json', does: 'everything about the cage named shop, for a script' },
  ],
  handler: async ({ word }, session) => {
    const opened = await session.open();
    const name = await targetCage(opened, session, word('CAGE'));
    const view = await opened.library.showCage(opened.context, name);
    if (session.output.json) session.output.document(view);
    else printView(view, session.output);
    return 0;
  },
};

function printView(view: CageView, output: Output): void {
  output.line(['bold', view.name], '  ', [STATUS_STYLES[view.status], view.status], '  ', view.exposure);
  output.table([
    field('project', view.project),
    ...(view.source === undefined
      ? []
      : [
          field(
            'cloned from',
            `${view.source.url}${view.source.branch === undefined ? '' : ` (${view.source.branch})`}`,
          ),
        ]),
    ...(view.startIn === undefined ? [] : [field('starts in', view.startIn)]),
    field(
      'isolation',
      `${view.backend}${view.runtime === undefined ? '' : ` by ${view.runtime}`}, preset ${view.preset}, agent ${view.agent ?? 'none'}`,
    ),
    field('workspace', `${view.workspace} (${view.workspaceStrategy}), base ${view.base}`),
    ...view.dirs.map(({ name, path, base }) => field('directory', `${name}: ${path}, base ${base}`)),
    field(
      'unexported',
      view.unexported ? `yes: ironcage diff ${view.dirs.length === 0 ? '' : '--all '}shows it` : 'no',
    ),
    field('network', `${view.net}, policy generation ${view.policyGeneration} (${view.policyHash})`),
    field('memory', limitText(view.limits.memory)),
    field('processes', limitText(view.limits.pids)),
    field('processors', limitText(view.limits.cpus)),
    ...(Object.keys(view.budget).length === 0 ? [] : [field('budget of its runs', budgetText(view.budget))]),
    field('home', homeText(view)),
    field('created', view.createdAt),
  ]);
  section(output, 'runs as', outline(view.identity));
  output.line(['bold', 'reaches'], view.reach.length === 0 ? ': nothing' : '');
  output.table(ruleRows(view.reach));
  section(output, 'routes', outline(view.routes));
  if (view.ports.length > 0) output.line(['bold', 'is reached at']);
  output.table(portRows(view.ports, view.status === 'running').map(([first = '', ...rest]) => ['  ', first, ...rest]));
  section(output, 'asks inspectors of yours, in this order', view.inspectors);
  section(output, 'reads', view.reads);
  section(output, 'writes', view.writes);
  const secrets = view.secrets.map((secret) => `${secret.name} at ${secret.hosts.join(', ')}`);
  section(output, 'secrets (put in by the egress, never inside)', secrets);
  const leftOut = view.leftOut.map(
    ({ dir, path, reason }) => `${dir === undefined ? '' : `${dir}: `}${path} (${reason})`,
  );
  section(output, 'left out of the copy', leftOut);
  if (view.snapshots.length > 0) output.line(['bold', 'snapshots']);
  output.table(snapshotRows(view.snapshots).map(([first = '', ...rest]) => ['  ', first, ...rest]));
  section(output, 'problems', view.problems, 'red');
}

function budgetText({ costUsd, tokens, timeMs, bytes }: CageView['budget']): string {
  return [
    ...(costUsd === undefined ? [] : [`$${costUsd.toFixed(2)}`]),
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
    ...(timeMs === undefined ? [] : [tookText(timeMs)]),
    ...(bytes === undefined ? [] : [`${sizeText(bytes)} out`]),
  ].join(', ');
}

function homeText({ profile, caches }: CageView): string {
  if (profile !== undefined) return `of the profile ${profile}, shared`;
  return caches.length === 0 ? 'its own' : `its own, with the shared caches ${caches.join(', ')}`;
}

function field(name: string, value: string): Span[] {
  return [['dim', name], value];
}

function section(output: Output, title: string, lines: readonly string[], style: 'bold' | 'red' = 'bold'): void {
  if (lines.length === 0) return;
  output.line([style, title]);
  for (const line of lines) output.line('  ', line);
}

function limitText(limit: LimitView): string {
  if (limit.enforcedBy === undefined) return `${limit.value ?? 'unlimited'} (decided when it starts)`;
  if (limit.value === undefined) return 'unlimited';
  if (limit.enforcedBy === 'none') return `${limit.value ?? 'unlimited'} (not enforced on this machine)`;
  return `${limit.value ?? 'unlimited'} (${limit.enforcedBy})`;
}
