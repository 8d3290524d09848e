import { expect, test } from 'vitest';
import { runCli } from '../../../test/support/cli-host.ts';

test('build hands every choice to the library and shows what was built', async () => {
  const line =
    'build agent --agent claude --toolchain node=22 --toolchain go=1.19 --packages jq,make --packages zip --engine podman --build-arg UV=0 --base debian:trixie-slim --force --pull';
  const result = await runCli(line.split(' '));
  expect(result.calls).toEqual([
    [
      'buildImages',
      {
        tiers: ['agent'],
        engine: 'podman',
        base: 'debian:trixie-slim',
        packages: ['jq', 'make', 'zip'],
        toolchains: ['node=22', 'go=1.19'],
        agents: ['claude'],
        buildArguments: ['UV=0'],
        force: true,
        pull: true,
      },
    ],
  ]);
  expect(result.stdout).toBe(
    'base   localhost/ironcage:base-abababababab                unchanged\n' +
      'agent  localhost/ironcage:agent-claude-2.1.0-abababababab  built in 12.3 s\n',
  );
  expect(result.exitCode).toBe(0);
});

test('build leaves to the library what was not chosen', async () => {
  const result = await runCli(['build', '--json']);
  expect(result.calls).toEqual([
    [
      'buildImages',
      { tiers: [], packages: [], toolchains: [], agents: [], buildArguments: [], force: false, pull: false },
    ],
  ]);
  expect(JSON.parse(result.stdout)).toMatchObject({ engine: 'docker', images: [{ built: false }, { built: true }] });
});

test('build refuses an engine that is none', async () => {
  const result = await runCli(['build', '--engine', 'lxc']);
  expect(result).toMatchObject({ exitCode: 2, calls: [] });
});
