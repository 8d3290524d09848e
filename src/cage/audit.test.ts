import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AuditEntry } from '../audit/record.ts';
import { openAuditWriter } from '../audit/writer.ts';
import { auditCage, type AuditQuery } from './audit.ts';
import { openContext, type Context } from './context.ts';
import { harOfCage } from './har.ts';
import { cagePaths } from './store.ts';

const NAME = 'demo';
const ALLOWED: AuditEntry = {
  ...{ direction: 'outbound', protocol: 'http', method: 'POST', host: 'a.example', port: 443, path: '/' },
  ...{ decision: 'allow', rule: 'allow:a.example', inspectors: [], bytesOut: 0, bytesIn: 0, secrets: [] },
};
const ends = (of: number, more: Partial<AuditEntry>): AuditEntry => ({
  ...{ ...ALLOWED, bytesOut: 7, ...more },
  end: { of, status: 403, outcome: more.decision === 'deny' ? 'refused' : 'complete', detail: '' },
});

let home: string;
let context: Context;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'ironcage-audit-'));
  context = openContext({ home, environment: {} });
  const { audit } = cagePaths(context, NAME).egress;
  mkdirSync(audit, { recursive: true, mode: 0o700 });
  const writer = await openAuditWriter(audit, NAME, { now: () => 0 });
  for (const entry of [ALLOWED, ALLOWED, ends(1, {}), ends(2, { decision: 'deny', rule: '<leak>' })]) {
    await writer.append(entry);
  }
  await writer.close();
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function read(query: AuditQuery, count: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  const stop = new AbortController();
  for await (const { seq, decision, rule, bytesOut, end } of auditCage(context, NAME, {
    ...query,
    signal: stop.signal,
  })) {
    seen.push([seq, decision, rule, bytesOut, end?.of]);
    if (seen.length === count) stop.abort();
  }
  return seen;
}

test('each decision comes once, with how it ended', async () => {
  expect(await read({}, 9)).toEqual([
    [1, 'allow', 'allow:a.example', 7, 1],
    [2, 'deny', '<leak>', 7, 2],
  ]);
});

test('who follows gets decisions as they are made, and what was refused in the middle as well', async () => {
  expect(await read({ follow: true }, 3)).toEqual([
    [1, 'allow', 'allow:a.example', 0, undefined],
    [2, 'allow', 'allow:a.example', 0, undefined],
    [4, 'deny', '<leak>', 7, 2],
  ]);
});

test('who follows refusals alone does not miss those', async () => {
  expect(await read({ follow: true, decision: ['deny'] }, 1)).toEqual([[4, 'deny', '<leak>', 7, 2]]);
});

test.each([
  ['a.example', 2],
  ['A.Example.', 2],
  ['*.example', 2],
  ['**.example', 2],
  ['b.example', 0],
  ['10.0.0.1', 0],
  ['[::1]', 0],
  ['[secret KEY].example', 0],
])('records are picked by the host %s, in any spelling of it', async (host, count) => {
  expect(await read({ host }, 9)).toHaveLength(count);
});

test.each([
  'bad..host',
  '',
  'a b',
  'https://a.example',
  'a.example/x',
  'a.example:443',
  '*',
  '*.*.example',
  'a*.example',
  '*.',
])('%j is no host, which is said before anything of a record or of a document', async (host) => {
  const refused = { code: 'E_USAGE', message: expect.stringContaining('is not a host') };
  await expect(auditCage(context, NAME, { host: ['a.example', host] }).next()).rejects.toMatchObject(refused);
  await expect(harOfCage(context, NAME, { host }).next()).rejects.toMatchObject(refused);
});
