import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AuditEntry } from '../audit/record.ts';
import { openAuditWriter } from '../audit/writer.ts';
import { openContext, type Context } from './context.ts';
import { applyLearned, policyLearn } from './learn.ts';
import { cagePaths, readSpec, writeCageState, writeSpec } from './store.ts';

const NAME = 'demo';
const PLACEHOLDER = `ironcage-${'0a'.repeat(16)}`;
const RULE = '<learned>';

let home: string;
let context: Context;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ironcage-learn-'));
  context = openContext({ home, environment: {} });
  const paths = cagePaths(context, NAME);
  for (const directory of [paths.root, paths.egress.audit]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const binding = { name: 'KEY', hosts: ['a.example'], slots: [{ kind: 'bearer' as const }], env: 'KEY' };
  writeSpec(context, {
    ...{ version: 1, name: NAME, project: '/p', backend: 'native', preset: 'safe', workspace: 'copy', net: 'learn' },
    ...{ auth: 'none', createdAt: '2026-01-01T00:00:00.000Z', home: '/home/agent', generation: 1 },
    ...{ rules: [], inspectors: [], routes: [], env: {}, binds: [], limits: {} },
    secrets: [{ ...binding, placeholder: PLACEHOLDER }],
  });
  writeCageState(context, NAME, { phase: 'stopped' });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function record(...entries: Partial<AuditEntry>[]): Promise<void> {
  const writer = await openAuditWriter(cagePaths(context, NAME).egress.audit, NAME, { now: () => 0 });
  for (const entry of entries) {
    await writer.append({
      ...{ direction: 'outbound', protocol: 'http', method: 'GET', host: 'a.example', port: 443, path: '/' },
      ...{ decision: 'allow', rule: RULE, inspectors: [], bytesOut: 0, bytesIn: 0, secrets: [], ...entry },
    });
  }
  await writer.close();
}

test('a host or a path that has lost the value of a secret makes no rule, and is counted', async () => {
  await record(
    { path: '/kept' },
    { host: '[secret OTHER].h.example' },
    { host: `x${PLACEHOLDER}.h.example` },
    { host: `${PLACEHOLDER.toUpperCase()}.h.example`, protocol: 'websocket' },
    { path: '/?key=[secret OTHER]' },
  );
  const learned = await policyLearn(context, NAME);
  expect(learned).toMatchObject({ requests: 5, leftOut: 4, withSecret: 4 });
  expect(learned.rules.map(({ text }) => text)).toEqual(['GET a.example/kept max-query=0']);
  await applyLearned(context, NAME, learned);
  expect((await readSpec(context, NAME)).rules.map(({ host }) => host)).toEqual(['a.example']);
});

test('a placeholder in a path stands for itself', async () => {
  await record({ path: `/?key=${PLACEHOLDER}` });
  expect(await policyLearn(context, NAME)).toMatchObject({ rules: [{ requests: 1 }], leftOut: 0, withSecret: 0 });
});

test('what a person let pass once makes no rule, and holds no secret', async () => {
  await record({ rule: '<asked>' }, { path: `/${'a'.repeat(1024)}` });
  expect(await policyLearn(context, NAME)).toMatchObject({ requests: 2, rules: [], leftOut: 2, withSecret: 0 });
});
