import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { controllers, keepAnswer, keptAnswer, type PodmanSite } from './podman-answer.ts';

let directory: string;
let site: PodmanSite;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-answer-'));
  const at = (name: string): string => join(directory, name);
  for (const name of ['podman', 'containers.conf']) writeFileSync(at(name), name);
  site = { program: at('podman'), env: { HOME: directory, CONTAINERS_CONF: at('containers.conf') }, file: at('kept') };
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

// For anybody else nothing is kept: which control groups he has is not told by what is looked at.
const isRoot = process.geteuid?.() === 0;

test.runIf(isRoot)('an answer counts as long as all is as it was', () => {
  expect(keptAnswer(site)).toBeUndefined();
  keepAnswer(site, '{"a":\n1}');
  expect(keptAnswer(site)).toBe('{"a":\n1}');
});

test.runIf(isRoot).each<[string, () => PodmanSite]>([
  ['its program was replaced', () => (writeFileSync(site.program, 'another'), site)],
  ['its settings were changed', () => (appendFileSync(site.env['CONTAINERS_CONF'] ?? '', '\n'), site)],
  ['it is called with other variables', () => ({ ...site, env: { ...site.env, TMPDIR: '/x' } })],
  ['it is one of another machine', () => ({ ...site, env: { ...site.env, CONTAINER_HOST: 'ssh://there' } })],
  ['what was kept is cut off', () => (writeFileSync(site.file, '0123'), site)],
])('and not where %s', (_what, change) => {
  keepAnswer(site, '{}');
  expect(keptAnswer(change())).toBeUndefined();
});

function table(groups: number, isEnabled = 1): string {
  return `#subsys_name\thierarchy\tnum_cgroups\tenabled\npids\t7\t${groups}\t${isEnabled}\n`;
}

test('groups that come and go are no other controllers', () => {
  expect(controllers(table(12))).toBe(controllers(table(13)));
  expect(controllers(table(12))).not.toBe(controllers(table(12, 0)));
});
