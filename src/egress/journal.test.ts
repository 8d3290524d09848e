import { expect, test } from 'vitest';
import type { AuditEntry, AuditRecord } from '../audit/record.ts';
import { createJournal } from './journal.ts';
import { createRedactor } from './redact.ts';

const AS_IT_IS = { text: String, name: String };
const ASKED = { protocol: 'http', method: 'GET', host: 'h.example', port: 443, path: '/p' } as const;

function createSink(fails: () => boolean) {
  const entries: AuditEntry[] = [];
  let closed = 0;
  return {
    entries,
    closes: () => closed,
    async append(entry: AuditEntry): Promise<AuditRecord> {
      await Promise.resolve();
      if (fails()) throw new Error('ENOSPC');
      entries.push(entry);
      return { ...entry, seq: entries.length, time: '', cage: 'c', prev: '', hash: '' };
    },
    async close() {
      closed += 1;
    },
  };
}

test('an allow that cannot be written is a refusal', async () => {
  const journal = createJournal(
    createSink(() => true),
    AS_IT_IS,
  );
  await expect(journal.allow({ ...ASKED }, 'r', [], [])).rejects.toMatchObject({ status: 503, rule: '<audit>' });
});

test('a deny or an end that cannot be written changes nothing', async () => {
  let fails = false;
  const journal = createJournal(
    createSink(() => fails),
    AS_IT_IS,
  );
  const decision = await journal.allow({ ...ASKED }, 'r', [], ['KEY']);
  fails = true;
  await journal.deny({ ...ASKED }, 'r', []);
  await journal.end(decision, { status: 200, outcome: 'complete', detail: '', bytesIn: 1, bytesOut: 2 });
});

test('an end repeats its decision, and says when what was allowed was refused after all', async () => {
  const sink = createSink(() => false);
  const journal = createJournal(sink, AS_IT_IS);
  const decision = await journal.allow({ ...ASKED }, 'r', [], ['KEY']);
  const ending = { status: 403, detail: 'why', bytesIn: 1, bytesOut: 2 } as const;
  await journal.end(decision, { ...ending, outcome: 'complete' });
  await journal.end(decision, { ...ending, outcome: 'refused', refusedBy: '<address>' });
  expect(sink.entries[1]).toMatchObject({
    decision: 'allow',
    rule: 'r',
    secrets: ['KEY'],
    bytesIn: 1,
    end: { of: 1, status: 403 },
  });
  expect(sink.entries[2]).toMatchObject({ decision: 'deny', rule: '<address>', end: { of: 1, outcome: 'refused' } });
});

test('a path of the cage’s making is recorded up to a bound', async () => {
  const sink = createSink(() => false);
  await createJournal(sink, AS_IT_IS).deny({ ...ASKED, path: `/${'x'.repeat(100_000)}` }, 'r', []);
  expect(sink.entries[0]?.path.length).toBeLessThan(9000);
  expect(sink.entries[0]?.path).toContain('100001 characters');
});

test('closing waits for what is still being written', async () => {
  const sink = createSink(() => false);
  const journal = createJournal(sink, AS_IT_IS);
  void journal.deny({ ...ASKED }, 'r', []);
  await journal.close();
  expect(sink.entries).toHaveLength(1);
  expect(sink.closes()).toBe(1);
});

test('a secret that stands in a path, a name, a note or a detail is not recorded', async () => {
  const sink = createSink(() => false);
  const journal = createJournal(sink, createRedactor([], { KEY: 'Real-5f4dcc3b5aa7' }));
  const asked = { ...ASKED, path: '/?key=Real-5f4dcc3b5aa7', host: 'real-5f4dcc3b5aa7.h.example' };
  const notes = [{ name: 'mine', action: 'note', reason: 'saw Real-5f4dcc3b5aa7' }] as const;
  await journal.deny(asked, 'r', notes);
  const decision = await journal.allow(asked, 'r', notes, []);
  await journal.ask(asked, 'r', notes);
  const ending = { status: 403, outcome: 'refused', bytesIn: 0, bytesOut: 0 } as const;
  await journal.end(decision, { ...ending, detail: 'Real-5f4dcc3b5aa7 is in it', notes });
  await journal.name({ host: asked.host, type: 'A', decision: 'deny', rule: '<name>' });
  expect(sink.entries).toHaveLength(5);
  expect(JSON.stringify(sink.entries)).not.toMatch(/5f4dcc3b5aa7/i);
  expect(sink.entries[0]).toMatchObject({
    path: '/?key=[secret KEY]',
    host: '[secret KEY].h.example',
    inspectors: [{ reason: 'saw [secret KEY]' }],
  });
});

test('a name that was looked up is recorded as one, and goes on where it cannot be', async () => {
  let fails = false;
  const sink = createSink(() => fails);
  const journal = createJournal(sink, AS_IT_IS);
  const name = { host: 'n.example', type: 'AAAA', decision: 'deny', rule: '<name>' } as const;
  await journal.name(name);
  expect(sink.entries[0]).toMatchObject({ protocol: 'dns', method: 'AAAA', host: 'n.example', decision: 'deny' });
  fails = true;
  await expect(journal.name(name)).resolves.toBeUndefined();
});

test('what happens to the egress is recorded as an event, and goes on where it cannot be', async () => {
  let fails = false;
  const sink = createSink(() => fails);
  const journal = createJournal(sink, AS_IT_IS);
  await journal.control('<policy>', 'generation 7');
  expect(sink.entries).toMatchObject([{ protocol: 'control', host: '', path: 'generation 7', rule: '<policy>' }]);
  fails = true;
  await journal.control('<egress>', 'stop');
  expect(sink.entries).toHaveLength(1);
});
