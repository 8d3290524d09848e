import { expect, test } from 'vitest';
import { runCli, type Call } from '../../../test/support/cli-host.ts';
import type { Synced } from '../work-library.ts';

const EVERYTHING = { dir: '', paths: [], force: false, dryRun: false };

test.each([
  ['', 'shop-1', EVERYTHING],
  ['shop-1 src', 'shop-1', { ...EVERYTHING, paths: ['src'] }],
  ['src/a.ts docs', 'shop-1', { ...EVERYTHING, paths: ['src/a.ts', 'docs'] }],
  ['./a --force', 'shop-1', { ...EVERYTHING, paths: ['./a'], force: true }],
  ['desk --dir lib --dry-run', 'desk', { ...EVERYTHING, dir: 'lib', dryRun: true }],
])('`sync %s` is about the cage %s', async (argv, cage, request) => {
  const { calls, exitCode } = await runCli(['sync', ...argv.split(' ').filter(Boolean)]);
  expect(exitCode).toBe(0);
  expect(calls).toEqual([['syncCage', cage, request]]);
});

test('with --all a conflict in one directory keeps all as they are', async () => {
  const asked: Call[] = [];
  const nothing: Synced = { files: [], conflicts: [], overwritten: [], leftOut: [], inPlace: false };
  const syncCage = async (_context: unknown, _name: string, request: { dir: string; dryRun: boolean }) => {
    asked.push([request.dir, request.dryRun]);
    if (request.dir === 'lib' && !request.dryRun) throw Object.assign(new Error('conflict'), { code: 'E_CONFLICT' });
    return request.dir === 'lib' ? { ...nothing, conflicts: [{ path: 'a', kind: 'changed on both sides' }] } : nothing;
  };
  expect((await runCli(['sync', '--all'], { library: { syncCage } })).exitCode).not.toBe(0);
  expect(asked).toEqual([['', true], ['lib', true], ['lib', false]]); // prettier-ignore
});

test('what came is printed as rows, and as one document with --json', async () => {
  expect((await runCli(['sync'])).stdout).toContain('came into shop-1: 1 file (1 modified), +3 −1');
  expect((await runCli(['sync', '--dry-run'])).stdout).toContain('would come into shop-1');
  expect(JSON.parse((await runCli(['sync', '--json'])).stdout)).toMatchObject({ cage: 'shop-1', conflicts: [] });
  expect(JSON.parse((await runCli(['sync', '--all', '--json'])).stdout)).toMatchObject({
    directories: [{ dir: '' }, { dir: 'lib' }],
  });
});
