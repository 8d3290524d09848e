// `build`: images for cages that are containers. What the engine has already is not built again.
import type { Command } from '../command.ts';

export const build: Command = {
  kind: 'command',
  name: 'build',
  summary: 'build the images of container cages',
  notes: [
    'Tiers: base (Debian with git, editors, shells and build tools), toolchain (languages by version and your packages), agent.',
    'An image is built only when something that goes into it has changed; the engine itself is asked. Needs npm on this machine.',
    'Build arguments: proxies (HTTP_PROXY, …), and UV=0 for a base without uv or UV=1 for none without it (default: uv if it can be had). A name alone takes its value from the environment.',
  ],
  arguments: [
    {
      name: 'TIER',
      summary: 'base, toolchain or agent (all of them, unless --agent); default: what the options need',
      required: false,
      repeatable: true,
    },
  ],
  options: [
    { name: 'agent', value: 'NAME', repeatable: true, summary: 'claude, codex, gemini or opencode; repeatable' },
    {
      name: 'toolchain',
      value: 'NAME=VERSION',
      repeatable: true,
      summary: 'node, python, go, rust or java; repeatable',
    },
    { name: 'packages', value: 'A,B', repeatable: true, summary: 'Debian packages; repeatable' },
    { name: 'base', value: 'IMAGE', summary: 'the Debian below everything; default debian:bookworm-slim' },
    { name: 'build-arg', value: 'NAME[=VALUE]', repeatable: true, summary: 'a build argument; repeatable' },
    {
      name: 'engine',
      value: 'ENGINE',
      choices: ['docker', 'podman'],
      summary: 'whose images; default: docker where it answers, else podman',
    },
    { name: 'force', summary: 'build the tiers although nothing changed, without the engine’s cache' },
    { name: 'pull', summary: 'fetch a newer Debian first' },
  ],
  examples: [
    { line: 'ironcage build --agent claude', does: 'build base and the image of Claude Code' },
    {
      line: 'ironcage build --toolchain node=22 --packages jq,make --agent codex',
      does: 'with Node 22 and two packages',
    },
    { line: 'ironcage build base --pull --force', does: 'renew base from a fresh Debian' },
  ],
  handler: async ({ words, flags }, session) => {
    const { output } = session;
    const { library, context } = await session.open();
    const engine = flags.text('engine');
    const base = flags.text('base');
    const result = await library.buildImages(context, {
      tiers: words('TIER'),
      ...(engine === 'docker' || engine === 'podman' ? { engine } : {}),
      ...(base === undefined ? {} : { base }),
      packages: flags.list('packages').flatMap((list) => list.split(',')),
      toolchains: flags.list('toolchain'),
      agents: flags.list('agent'),
      buildArguments: flags.list('build-arg'),
      force: flags.on('force'),
      pull: flags.on('pull'),
    });
    if (output.json) output.document(result);
    else {
      output.table(
        result.images.map(({ tier, image, built, seconds }) => [
          tier,
          image,
          built ? ['green', `built in ${seconds} s`] : ['dim', 'unchanged'],
        ]),
      );
    }
    return 0;
  },
};
