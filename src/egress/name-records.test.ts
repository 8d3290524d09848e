import { expect, test } from 'vitest';
import type { Policy, Rule } from '../policy/types.ts';
import type { AskedName } from './journal.ts';
import { createNameRecords } from './name-records.ts';

function rule(effect: Rule['effect'], host: string, more: Partial<Rule> = {}): Rule {
  return { id: `${effect}:${host}`, effect, origin: 'user', host, ...more };
}

const RULES = [
  rule('allow', 'open.example'),
  rule('allow', '*.wild.example'),
  rule('allow', 'both.example'),
  rule('deny', 'both.example'),
  rule('allow', 'partly.example'),
  rule('deny', 'partly.example', { path: '/admin/**' }),
];

function start(mode: Policy['mode'] = 'filtered', maxPerMinute?: number) {
  const written: AskedName[] = [];
  const told: string[] = [];
  const clock = { ms: 600_000 };
  const records = createNameRecords({
    journal: {
      async name(asked) {
        written.push(asked);
      },
      async control(event, detail) {
        told.push(`${event} ${detail}`);
      },
    },
    policy: () => ({ mode, rules: RULES }),
    now: () => clock.ms,
    ...(maxPerMinute === undefined ? {} : { maxPerMinute }),
  });
  return { written, told, clock, records };
}

test.each<[string, Policy['mode'], string, string]>([
  ['open.example', 'filtered', 'allow', 'allow:open.example'],
  ['a.wild.example', 'filtered', 'allow', 'allow:*.wild.example'],
  ['a.b.wild.example', 'filtered', 'deny', '<default-deny>'],
  ['other.example', 'filtered', 'deny', '<default-deny>'],
  ['both.example', 'filtered', 'deny', 'deny:both.example'],
  ['partly.example', 'filtered', 'allow', 'allow:partly.example'],
  ['other.example', 'ask', 'deny', '<ask>'],
  ['other.example', 'learn', 'allow', '<learn>'],
  ['both.example', 'learn', 'deny', 'deny:both.example'],
  ['open.example', 'none', 'deny', '<none>'],
])('the record of %s in mode %s says %s by %s', (host, mode, decision, by) => {
  const { records, written } = start(mode);
  records.asked(host, 'A');
  expect(written).toEqual([{ host, type: 'A', decision, rule: by }]);
});

test('a name is recorded once a minute, whatever is asked about it', () => {
  const { records, written, clock } = start();
  for (const type of ['A', 'AAAA', 'HTTPS', 'A']) records.asked('open.example', type);
  expect(written).toHaveLength(1);
  clock.ms += 60_000;
  records.asked('open.example', 'AAAA');
  expect(written.map(({ type }) => type)).toEqual(['A', 'AAAA']);
});

test('a flood of names has a bounded number of records, and one that says how many lookups have none', async () => {
  const { records, written, told, clock } = start('filtered', 10);
  for (let count = 0; count < 1000; count += 1) records.asked(`n${count}.example`, 'A');
  expect(written).toHaveLength(10);
  clock.ms += 60_000;
  records.asked('open.example', 'A');
  expect(written).toHaveLength(11);
  expect(told).toEqual(['<egress> lookups of names left out: 990, beyond 10 names a minute']);
  await records.close();
  expect(told).toHaveLength(1);
});

test('what was left out is told at the end as well', async () => {
  const { records, told } = start('filtered', 1);
  records.asked('a.example', 'A');
  records.asked('b.example', 'A');
  await records.close();
  expect(told).toEqual(['<egress> lookups of names left out: 1, beyond 1 names a minute']);
});
