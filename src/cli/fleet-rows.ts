// Fleets and comparisons as rows of tables.
import { count } from './change-rows.ts';
import type { ComparedCage, ComparedFile, Fleet, TaskCheck, TaskState } from './fleet-library.ts';
import { tookText } from './run-rows.ts';
import { sizeText } from './size-text.ts';
import type { Span, Style } from './span.ts';

const STYLES: Readonly<Record<TaskState['status'], Style>> = {
  waiting: 'dim',
  running: 'cyan',
  checking: 'cyan',
  done: 'green',
  failed: 'red',
  stopped: 'yellow',
};

const HEADS: Span[] = ['TASK', 'AGENT', 'STATUS', 'TIME', 'COST', 'TOKENS', 'CHANGE', 'CHECKS', 'NOTE'];

/** One row a task. `first`: those at work before the others, where not all may be seen. */
export function fleetRows({ tasks }: Pick<Fleet, 'tasks'>, nowMs: number, first: 'at-work' | 'as-written'): Span[][] {
  const shown = first === 'at-work' ? [...tasks].sort((a, b) => rankOf(a) - rankOf(b)) : tasks;
  return [HEADS, ...shown.map((task) => taskRow(task, nowMs))];
}

function rankOf({ state }: Fleet['tasks'][number]): number {
  return state.status === 'running' || state.status === 'checking' ? 0 : 1;
}

function taskRow({ name, agent, state }: Fleet['tasks'][number], nowMs: number): Span[] {
  const { status, startedAt, endedAt, costUsd, inputTokens = 0, outputTokens = 0, change, checks, attempt } = state;
  const end = endedAt === undefined ? nowMs : Date.parse(endedAt);
  return [
    name,
    agent,
    [STYLES[status], status],
    startedAt === undefined ? '' : tookText(end - Date.parse(startedAt)),
    costText(costUsd),
    inputTokens + outputTokens === 0 ? '' : tokensText(inputTokens, outputTokens),
    change === undefined ? '' : changeText(change),
    checksText(checks),
    [attempt > 1 ? `attempt ${attempt}` : '', state.reason ?? ''].filter(Boolean).join(': '),
  ];
}

/** One column a cage, one row a fact. */
export function comparisonRows(cages: readonly ComparedCage[]): Span[][] {
  const row = (title: string, cell: (cage: ComparedCage) => Span): Span[] => [['dim', title], ...cages.map(cell)];
  const checks = [...new Set(cages.flatMap((cage) => cage.checks.map(({ command }) => command)))];
  return [
    row('', ({ cage }) => ['bold', cage]),
    row('agent', ({ agent }) => agent ?? ''),
    row('last run', ({ status, exitCode }) => runText(status, exitCode)),
    row('runs', ({ runs }) => String(runs)),
    row('time', ({ durationMs }) => tookText(durationMs)),
    row('cost', ({ costUsd }) => costText(costUsd)),
    row('tokens', ({ inputTokens, outputTokens }) => tokensText(inputTokens, outputTokens)),
    row('change', ({ change }) => changeText(change)),
    ...checks.map((command) =>
      row(command, (cage) => checkText(cage.checks.find((check) => check.command === command))),
    ),
    row('requests', ({ egress }) => count(egress.requests, 'request')),
    row('refused', ({ egress }) => (egress.refused === 0 ? '0' : ['yellow', String(egress.refused)])),
    row('bytes out, in', ({ egress }) => `${sizeText(egress.bytesOut)}, ${sizeText(egress.bytesIn)}`),
  ];
}

/** One column a cage, one row a file; the same letter stands for the same contents. */
export function comparedFileRows(files: readonly ComparedFile[], cages: readonly { cage: string }[]): Span[][] {
  return [
    ['FILE', ...cages.map(({ cage }) => cage)],
    ...files.map((file): Span[] => {
      const outcomes = new Set(file.in.map((side) => side?.outcome));
      const isAgreed = outcomes.size === 1;
      return [
        file.path,
        ...file.in.map((side): Span => {
          if (side === undefined) return ['dim', '–'];
          const lines = side.binary ? 'binary' : `+${side.insertions} −${side.deletions}`;
          const text = `${LETTERS[side.outcome] ?? '?'} ${side.change} ${lines}`;
          return isAgreed ? ['green', text] : text;
        }),
      ];
    }),
  ];
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

function runText(status: string | undefined, exitCode: number | null): Span {
  if (status === undefined) return ['dim', 'none'];
  if (status === 'running') return ['cyan', status];
  return [status === 'done' && exitCode === 0 ? 'green' : 'red', exitCode === null ? status : `${status}, ${exitCode}`];
}

function checkText(check: TaskCheck | undefined): Span {
  if (check === undefined) return '';
  const time = tookText(check.durationMs);
  if (check.exitCode === 0) return ['green', `passes, ${time}`];
  return ['red', check.exitCode === null ? `too long, ${time}` : `exit ${check.exitCode}, ${time}`];
}

function checksText(checks: readonly TaskCheck[]): Span {
  if (checks.length === 0) return '';
  const good = checks.filter(({ exitCode }) => exitCode === 0).length;
  return [good === checks.length ? 'green' : 'red', `${good} of ${checks.length}`];
}

function changeText({ files, insertions, deletions }: ComparedCage['change']): string {
  return files === 0 ? 'none' : `${count(files, 'file')} +${insertions} −${deletions}`;
}

function costText(costUsd: number | undefined): string {
  return costUsd === undefined ? '' : `$${costUsd.toFixed(costUsd < 1 ? 4 : 2)}`;
}

function tokensText(input: number, output: number): string {
  return `${input} + ${output}`;
}
