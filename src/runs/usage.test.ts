import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AgentEvent, UsageEvent } from '../agents/events.ts';
import { addUsage, NO_RUN_USAGE, type Counted, type Usage } from './usage.ts';

function used(scope: UsageEvent['scope'], inputTokens: number, outputTokens: number, costUsd?: number): AgentEvent {
  return { type: 'usage', scope, inputTokens, outputTokens, ...(costUsd !== undefined && { costUsd }) };
}

function sum(events: readonly AgentEvent[], before: Counted | null = null): Usage {
  return events.reduce((usage, event) => addUsage(usage, event, before), NO_RUN_USAGE);
}

test('steps are added up; nothing but a use counts', () => {
  const events: AgentEvent[] = [used('step', 10, 1), { type: 'text', text: '{"inputTokens":9}' }, used('step', 5, 2)];
  expect(sum(events)).toEqual({ costUsd: null, inputTokens: 15, outputTokens: 3, session: null });
});

test('a price is told where a step tells one', () => {
  expect(sum([used('step', 1, 1, 0.25), used('step', 1, 1), used('step', 1, 1, 0.5)]).costUsd).toBe(0.75);
});

test('a total takes the place of all before it, and without a price leaves the one that was told', () => {
  const events = [used('step', 10, 1, 0.5), used('total', 12, 3)];
  expect(sum(events)).toEqual({ costUsd: 0.5, inputTokens: 12, outputTokens: 3, session: null });
  expect(sum([...events, used('total', 20, 4, 0.75)])).toMatchObject({ costUsd: 0.75, inputTokens: 20 });
});

test('what a session had used before the run is taken off, once', () => {
  const before = { costUsd: 1, inputTokens: 100, outputTokens: 10 };
  const events = [used('session', 130, 15, 1.25), used('session', 150, 20, 1.5)];
  expect(sum(events, before)).toEqual({
    ...{ costUsd: 0.5, inputTokens: 50, outputTokens: 10 },
    session: { costUsd: 1.5, inputTokens: 150, outputTokens: 20 },
  });
});

test('a session that tells less than before counts whole', () => {
  const before = { costUsd: 1, inputTokens: 100, outputTokens: 10 };
  expect(sum([used('session', 1, 1, 0.1)], before)).toMatchObject({ costUsd: 0.1, inputTokens: 1, outputTokens: 1 });
});

const use = fc.record({
  scope: fc.constantFrom('step' as const, 'total' as const, 'session' as const),
  counts: fc.tuple(fc.double(), fc.double()),
  costUsd: fc.option(fc.double(), { nil: undefined }),
});

test('whatever lines stand between the agent’s, no sum falls', () => {
  const before = { costUsd: 1, inputTokens: 100, outputTokens: 10 };
  fc.assert(
    fc.property(fc.array(use), (uses) => {
      let last: Usage = NO_RUN_USAGE;
      for (const { scope, counts, costUsd } of uses) {
        const next = addUsage(last, used(scope, ...counts, costUsd), before);
        expect(next.costUsd ?? 0).toBeGreaterThanOrEqual(last.costUsd ?? 0);
        expect(next.inputTokens).toBeGreaterThanOrEqual(last.inputTokens);
        expect(next.outputTokens).toBeGreaterThanOrEqual(last.outputTokens);
        expect(next.session?.inputTokens ?? 0).toBeGreaterThanOrEqual(last.session?.inputTokens ?? 0);
        last = next;
      }
    }),
  );
});

test.each([-5, Number.NaN, Infinity, -Infinity])('%s is no number of a use', (wrong) => {
  const usage = sum([used('step', 10, 1, 0.5), used('step', wrong, wrong, wrong)]);
  expect(usage).toEqual({ costUsd: 0.5, inputTokens: 10, outputTokens: 1, session: null });
});
