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
  [{ ok: true, records: 2, head: 'ff' }, 0, /unbroken: 2 records/],
  [{ ok: false, line: 7, reason: 'hash' }, 1, /broken at line 7: hash/],
] as const)('--verify answers %j with its exit code', async (result, exitCode, says) => {
  const run = await runCli(['audit', '--verify'], { library: { verifyAudit: async () => result } });
  expect(run.stdout).toMatch(says);
  expect(run.exitCode).toBe(exitCode);
});

test('--summary prints what the library counted', async () => {
  expect((await runCli(['audit', '--summary'])).stdout).toBe('allow: 1\n');
});
