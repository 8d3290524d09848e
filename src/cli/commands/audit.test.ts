import { expect, test } from 'vitest';
import { RECORD, runCli } from '../../../test/support/cli-host.ts';
import type { AuditRecord, Library } from '../library.ts';

/** Ten records; with `follow` one more comes in. */
const library: Partial<Library> = {
  auditCage: async function* (_context, _name, { follow }): AsyncGenerator<AuditRecord> {
    for (let seq = 1; seq <= (follow === true ? 11 : 10); seq += 1) yield { ...RECORD, seq };
  },
};

function sequence(stdout: string): unknown[] {
  return stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line).seq);
}

test('--json is one record a line', async () => {
  const { stdout } = await runCli(['audit', '--json']);
  const lines = stdout.trim().split('\n');
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([RECORD, { seq: 2, decision: 'deny' }]);
});

test('-n shows the last ones', async () => {
  expect(sequence((await runCli(['audit', '--json', '-n', '3'], { library })).stdout)).toEqual([8, 9, 10]);
});

test('-n with -f goes on behind the last ones without a gap or a repeat', async () => {
  expect(sequence((await runCli(['audit', '--json', '-n', '2', '-f'], { library })).stdout)).toEqual([9, 10, 11]);
});

test('a refusal in the middle is shown once: with its decision, or as it comes in', async () => {
  const end = { of: 1, status: 403, outcome: 'refused', detail: 'it holds a secret' } as const;
  const late: Partial<Library> = {
    auditCage: async function* (_context, _name, { follow }): AsyncGenerator<AuditRecord> {
      if (follow !== true) yield { ...RECORD, seq: 1, decision: 'deny', end };
      else
        for (const seq of [1, 2, 3]) yield seq === 2 ? { ...RECORD, seq, decision: 'deny', end } : { ...RECORD, seq };
    },
  };
  expect(sequence((await runCli(['audit', '--json', '-f'], { library: late })).stdout)).toEqual([1, 2, 3]);
  expect(sequence((await runCli(['audit', '--json', '-n', '2', '-f'], { library: late })).stdout)).toEqual([1, 3]);
});

test('a path from inside a cage cannot steer the terminal', async () => {
  const { stdout } = await runCli(['audit'], {
    library: {
      auditCage: async function* () {
        yield { ...RECORD, path: '/\u001b[2J' };
      },
    },
  });
  expect(stdout).toContain('/\\x1b[2J');
});

test.each([
  [{ ok: true, records: 2, firstSeq: 1, head: 'ff' }, 0, /^unbroken: 2 records, head ff\n$/],
  [{ ok: true, records: 2, firstSeq: 9, head: 'ff' }, 0, /begins with record 9; earlier ones were rotated away/],
  [
    { ok: false, file: 'audit.jsonl', line: 7, seq: 9, reason: 'no' },
    1,
    /broken at line 7 of audit.jsonl, record 9: no/,
  ],
  [
    { ok: false, file: 'audit.jsonl', line: 0, seq: 9, reason: 'no' },
    1,
    /broken at the end of audit.jsonl, record 9: no/,
  ],
] as const)('--verify answers %j with its exit code', async (result, exitCode, says) => {
  const run = await runCli(['audit', '--verify'], { library: { verifyAudit: async () => result } });
  expect(run.stdout).toMatch(says);
  expect(run.exitCode).toBe(exitCode);
});

test('--summary prints what the library counted, by host, rule and secret', async () => {
  const { stdout } = await runCli(['audit', '--summary']);
  expect(stdout).toContain('2 requests: 1 allowed, 1 refused, 0 asked\n3 bytes out, 5 bytes in\n');
  expect(stdout).toMatch(/a\.example +1 +1 +0 +3 +5 +KEY/);
  expect(stdout).toMatch(/allow:a\.example +1 +1 +0 +3 +5/);
  expect(stdout).toMatch(/KEY +1 +a\.example/);
});

test('filters are handed on, and those that may be repeated as lists', async () => {
  const argv = ['audit', '--host', 'a.example', '--host', '*.b', '--method', 'GET', '--rule', 'npm*'];
  const { calls } = await runCli([
    ...[...argv, '--protocol', 'dns', '--protocol', 'tcp', '--decision', 'deny', '--decision', 'ask'],
    ...['--until', '2026-01-02'],
  ]);
  expect(calls).toContainEqual([
    'auditCage',
    expect.any(String),
    expect.objectContaining({
      host: ['a.example', '*.b'],
      method: ['GET'],
      rule: ['npm*'],
      protocol: ['dns', 'tcp'],
      decision: ['deny', 'ask'],
      untilMs: Date.UTC(2026, 0, 2),
    }),
  ]);
});

test.each<[Partial<AuditRecord>, string]>([
  [{ protocol: 'dns', method: 'AAAA', host: 'n.example', decision: 'deny' }, 'deny   dns AAAA n.example  allow:'],
  [{ protocol: 'control', rule: '<policy>', path: 'generation 7' }, '  event  <policy> generation 7\n'],
])('a record that is no request is told as what it is: %j', async (parts, says) => {
  const auditCage = async function* (): AsyncGenerator<AuditRecord> {
    yield { ...RECORD, ...parts };
  };
  expect((await runCli(['audit'], { library: { auditCage } })).stdout).toContain(says);
});

test.each(['--decision', '--protocol'])(
  'a value of %s that does not exist is named with those that do',
  async (option) => {
    const { exitCode, stderr } = await runCli(['audit', option, 'deny', option, 'nonsense']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/nonsense|'deny'/);
    expect(stderr).toMatch(option === '--decision' ? /allow, deny, ask/ : /http, websocket, dns, tcp, control/);
  },
);
