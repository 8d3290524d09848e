import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAuditWriter } from '../audit/writer.ts';
import { findBundle } from '../policy/bundles.ts';
import type { Rule } from '../policy/types.ts';
import { openContext, type Context } from './context.ts';
import { policyAllow } from './policy-change.ts';
import { planPrune, prunePolicy } from './prune.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, readSpec, writeCageState, writeSpec } from './store.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 5, 1);
const NAME = 'demo';

/** A stopped cage with these rules and a record of what they decided, each so many days ago. */
async function cageWith(
  rules: readonly Rule[],
  record: readonly (readonly [rule: string, daysAgo: number])[],
  more: Partial<CageSpec> = {},
): Promise<Context> {
  const home = mkdtempSync(join(tmpdir(), 'ironcage-prune-'));
  const context = { ...openContext({ home, environment: {} }), clock: { now: () => NOW_MS } };
  const paths = cagePaths(context, NAME);
  for (const directory of [paths.root, paths.egress.audit]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeSpec(context, {
    ...{ version: 1, name: NAME, project: '/p', backend: 'native', preset: 'safe', workspace: 'copy', net: 'filtered' },
    ...{ auth: 'none', createdAt: new Date(NOW_MS - 90 * DAY_MS).toISOString(), home: '/home/agent', generation: 1 },
    ...{ rules, inspectors: [], secrets: [], routes: [], env: {}, binds: [], limits: {} },
    ...more,
  });
  writeCageState(context, NAME, { phase: 'stopped' });
  let nowMs = NOW_MS;
  const writer = await openAuditWriter(paths.egress.audit, NAME, { now: () => nowMs });
  for (const [rule, daysAgo] of record) {
    nowMs = NOW_MS - daysAgo * DAY_MS;
    await writer.append({
      ...{ direction: 'outbound', protocol: 'http', method: 'GET', host: 'a.example', port: 443, path: '/' },
      ...{ decision: 'allow', rule, inspectors: [], bytesOut: 0, bytesIn: 0, secrets: [] },
    });
  }
  await writer.close();
  return context;
}

function rule(host: string, more: Partial<Rule> = {}): Rule {
  return { id: `allow:${host}`, effect: 'allow', origin: 'user', host, ...more };
}

async function pruned(context: Context, days = 30): Promise<string[]> {
  const { prunable } = await planPrune(context, NAME, NOW_MS - days * DAY_MS);
  return prunable.map(({ text, reason }) => `${text} ${reason}`);
}

test('what decided nothing in that time is unused, what did is not', async () => {
  const context = await cageWith(
    [rule('old.example'), rule('used.example'), rule('never.example')],
    [
      ['allow:old.example', 40],
      ['allow:used.example', 10],
    ],
  );
  expect(await pruned(context)).toEqual(['old.example unused', 'never.example unused']);
  expect(await pruned(context, 60)).toEqual(['never.example unused']);
});

test('a bundle goes as a whole, and stays as a whole when one of its rules was used', async () => {
  const bundles = ['npm', 'pypi'].flatMap((name) => findBundle(name)?.rules ?? []);
  const used = findBundle('npm')?.rules[0]?.id ?? '';
  const context = await cageWith(bundles, [[used, 1]]);
  expect(await pruned(context)).toEqual(['pypi unused']);
  const plan = await planPrune(context, NAME, NOW_MS - 30 * DAY_MS);
  await prunePolicy(context, NAME, plan);
  const left = (await readSpec(context, NAME)).rules;
  expect(left.map(({ id }) => id)).toEqual(findBundle('npm')?.rules.map(({ id }) => id));
});

test('expired rules go even when they were used, and an expiry that cannot be read has passed', async () => {
  const context = await cageWith(
    [
      rule('past.example', { expires: '2026-05-31T23:59:59Z' }),
      rule('now.example', { expires: '2026-06-01T00:00:00Z' }),
      rule('broken.example', { expires: 'soon' }),
      rule('future.example', { expires: '2026-06-01T00:00:01Z' }),
    ],
    ['past', 'now', 'broken', 'future'].map((name) => [`allow:${name}.example`, 1]),
  );
  const { prunable } = await planPrune(context, NAME, NOW_MS - 30 * DAY_MS);
  expect(prunable.map(({ ids, reason }) => [ids[0], reason])).toEqual([
    ['allow:past.example', 'expired'],
    ['allow:now.example', 'expired'],
    ['allow:broken.example', 'expired'],
  ]);
});

test('deny rules stay, and so does what the agent of the cage needs', async () => {
  const rules = [
    rule('evil.example', { id: 'deny:evil.example', effect: 'deny' }),
    ...(findBundle('anthropic')?.rules ?? []),
  ];
  expect(await pruned(await cageWith(rules, [], { agent: 'claude' }))).toEqual([]);
  expect(await pruned(await cageWith(rules, []))).toEqual(['anthropic unused']);
});

test('nothing is called unused for longer than the cage exists', async () => {
  const createdAt = new Date(NOW_MS - 5 * DAY_MS).toISOString();
  const context = await cageWith([rule('never.example')], [], { createdAt });
  expect(await planPrune(context, NAME, NOW_MS - 30 * DAY_MS)).toMatchObject({ covered: false, prunable: [] });
  expect(await pruned(context, 4)).toEqual(['never.example unused']);
});

test('a rule that got other terms after the plan was made stays', async () => {
  const context = await cageWith([rule('old.example'), rule('other.example')], []);
  const plan = await planPrune(context, NAME, NOW_MS - 30 * DAY_MS);
  const renewed = rule('old.example', { methods: ['GET'] });
  await policyAllow(context, NAME, ['GET old.example', 'new.example']);
  const spec = await readSpec(context, NAME);
  writeSpec(context, { ...spec, rules: [renewed, ...spec.rules.filter(({ host }) => host !== 'old.example')] });
  await prunePolicy(context, NAME, plan);
  expect((await readSpec(context, NAME)).rules.map(({ host }) => host)).toEqual(['old.example', 'new.example']);
});
