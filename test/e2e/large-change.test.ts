// A change that is larger than anything a command may hold: it passes in pieces.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const MiB = 2 ** 20;
const CHANGE_BYTES = 300 * MiB;
/** More than any of these commands needs for a small change, and less than half of this one. */
const MOST_BYTES = 144 * MiB;

let sandbox: Sandbox;
let project: string;
beforeAll(async () => {
  sandbox = openSandbox();
  project = sandbox.project('large');
  // Of the command's own process, at its end.
  writeFileSync(
    join(sandbox.directory, 'peak.mjs'),
    `import { appendFileSync } from 'node:fs';
process.on('exit', () => appendFileSync(${JSON.stringify(join(sandbox.directory, 'peak'))}, process.resourceUsage().maxRSS + '\\n'));
`,
  );
  expect((await sandbox.run(['create', project, '--name', 'large'])).exitCode).toBe(0);
  const write = `yes 'one of many lines of an agent that does not know when to stop' | head -c ${CHANGE_BYTES} >large.txt`;
  expect((await sandbox.run(['exec', 'large', '--', 'sh', '-c', write])).exitCode).toBe(0);
});
afterAll(() => sandbox.close());

/** The result, and the most that the command's own process had in memory. */
async function measured(
  args: readonly string[],
  behind?: readonly string[],
): Promise<CliResult & { peakBytes: number }> {
  writeFileSync(join(sandbox.directory, 'peak'), '');
  const env = { NODE_OPTIONS: `--import=${join(sandbox.directory, 'peak.mjs')}` };
  const result = await sandbox.run(args, { env, behind });
  const peaks = readFileSync(join(sandbox.directory, 'peak'), 'utf8').trim().split('\n').map(Number);
  return { ...result, peakBytes: Math.max(...peaks) * 1024 };
}

/** A shell that keeps no more of the output than how long it is. */
const COUNTED = ['sh', '-c', '"$@" | wc -c', 'sh'];

test('diff --full prints it piece by piece', async () => {
  const { stdout, stderr, peakBytes } = await measured(['diff', 'large', '--full'], COUNTED);
  expect(stderr).not.toContain('error');
  expect(Number(stdout)).toBeGreaterThan(CHANGE_BYTES);
  expect(peakBytes).toBeLessThan(MOST_BYTES);
});

test('patch packs it, and holds what is packed', async () => {
  const { exitCode, stderr, peakBytes } = await measured(['patch', 'large', '--stdout']);
  expect(exitCode, stderr).toBe(0);
  expect(peakBytes).toBeLessThan(MOST_BYTES);
});

test('export and apply write it', async () => {
  const target = join(sandbox.directory, 'out');
  const exported = await measured(['export', 'large', '-o', target, '--accept-host-executable']);
  expect(exported.exitCode, exported.stderr).toBe(0);
  expect(statSync(join(target, 'large.txt')).size).toBe(CHANGE_BYTES);
  const applied = await measured(['apply', 'large', '--yes', '--accept-host-executable']);
  expect(applied.exitCode, applied.stderr).toBe(0);
  expect(statSync(join(project, 'large.txt')).size).toBe(CHANGE_BYTES);
  expect(Math.max(exported.peakBytes, applied.peakBytes)).toBeLessThan(MOST_BYTES);
});
