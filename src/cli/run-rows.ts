// Runs as they are shown: a row each, or the end of one.
import type { RunInfo } from './run-library.ts';
import type { Span, Style } from './span.ts';

const STATUS_STYLES: Readonly<Record<RunInfo['status'], Style>> = {
  running: 'cyan',
  done: 'green',
  failed: 'red',
  stopped: 'yellow',
};

export function runRows(runs: readonly RunInfo[]): Span[][] {
  const head: Span[] = ['RUN', 'AGENT', 'STATUS', 'EXIT', 'STARTED', 'TOOK', 'TOKENS', 'COST', 'WHY'].map((name) => [
    'dim',
    name,
  ]);
  return [head, ...runs.map(rowOf)];
}

function rowOf(run: RunInfo): Span[] {
  const { id, agent, status, exitCode, startedAt, endedAt, inputTokens, outputTokens, costUsd, reason } = run;
  return [
    ['bold', id],
    agent,
    [STATUS_STYLES[status], status],
    exitCode === null ? '-' : String(exitCode),
    startedAt.slice(0, 19).replace('T', ' '),
    endedAt === null ? '-' : tookText(Date.parse(endedAt) - Date.parse(startedAt)),
    `${inputTokens}+${outputTokens}`,
    costUsd === null ? '-' : `$${costUsd.toFixed(4)}`,
    reason?.message ?? '',
  ];
}

export function tookText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}

/** How a run ended, in one line. */
export function endLine(run: RunInfo): Span[] {
  const { id, status, exitCode, reason, inputTokens, outputTokens, costUsd, startedAt, endedAt } = run;
  const code = exitCode === null ? '' : `, exit code ${exitCode}`;
  const took = endedAt === null ? '' : ` after ${tookText(Date.parse(endedAt) - Date.parse(startedAt))}`;
  const tokens = inputTokens + outputTokens === 0 ? '' : `, ${inputTokens} tokens in, ${outputTokens} out`;
  const cost = costUsd === null ? '' : `, $${costUsd.toFixed(4)}`;
  const why = reason === null ? '' : `: ${reason.message}`;
  return [`run ${id} `, [STATUS_STYLES[status], status], `${took}${code}${tokens}${cost}${why}`];
}
