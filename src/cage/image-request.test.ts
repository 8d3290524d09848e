import { expect, test } from 'vitest';
import { checkImageRequest, type ImageRequest } from './image-request.ts';

const check = (request: ImageRequest, environment: Record<string, string> = {}) =>
  checkImageRequest(request, environment);

test.each<[string, ImageRequest, readonly string[]]>([
  ['nothing', {}, ['base']],
  ['a package', { packages: ['jq'] }, ['base', 'toolchain']],
  ['an agent', { agents: ['claude'] }, ['base', 'agent']],
  ['all of them', { packages: ['jq'], agents: ['codex'] }, ['base', 'toolchain', 'agent']],
  ['a tier by name', { tiers: ['base'], packages: ['jq'], agents: ['claude'] }, ['base']],
])('%s asks for these tiers', (_, request, tiers) => {
  expect([...check(request).tiers]).toEqual(tiers);
});

test('the tier agent without a name is every agent', () => {
  expect(check({ tiers: ['agent'] }).agents.map(({ name }) => name)).toEqual(['claude', 'codex', 'gemini', 'opencode']);
});

test('only the named tiers are forced', () => {
  expect([...check({ tiers: ['agent'], agents: ['claude'], force: true }).forced]).toEqual(['agent']);
  expect([...check({ tiers: ['agent'] }).forced]).toEqual([]);
});

test('the order in which packages and toolchains are named makes no other image', () => {
  const one = check({ packages: ['jq', 'make', 'jq'], toolchains: ['node=22', 'go=1.19'] });
  expect(one).toMatchObject({
    packages: ['jq', 'make'],
    toolchains: [
      { name: 'go', version: '1.19' },
      { name: 'node', version: '22' },
    ],
  });
  expect(check({ packages: ['make', 'jq'], toolchains: ['go=1.19', 'node=22'] })).toEqual(one);
});

test.each<[string, ImageRequest, RegExp]>([
  ['a tier that is none', { tiers: ['top'] }, /no tier "top"/],
  ['a toolchain tier with nothing in it', { tiers: ['toolchain'] }, /needs something/],
  ['an option as a package', { packages: ['-oAPT::Get=1'] }, /no name of a Debian package/],
  ['shell in a package', { packages: ['jq;id'] }, /no name of a Debian package/],
  ['an empty package', { packages: [''] }, /no name of a Debian package/],
  ['a toolchain without a version', { toolchains: ['node'] }, /no toolchain/],
  ['an unknown toolchain', { toolchains: ['cobol=1'] }, /no toolchain/],
  ['shell in a version', { toolchains: ['go=1.19 $(id)'] }, /no toolchain/],
  ['two versions of one toolchain', { toolchains: ['go=1.19', 'go=1.23'] }, /two versions of go/],
  ['an option as the base', { base: '--privileged' }, /names no image/],
  ['an unknown agent', { agents: ['claudia'] }, /no image of an agent/],
  ['a build argument that none takes', { buildArguments: ['PARENT=x'] }, /no build argument "PARENT"/],
  ['the engine’s own variables', { buildArguments: ['DOCKER_HOST=tcp://x'] }, /no build argument/],
  ['a build argument without a value', { buildArguments: ['HTTP_PROXY'] }, /HTTP_PROXY is not set/],
])('%s is refused', (_, request, message) => {
  expect(() => check(request)).toThrow(message);
});

test('a build argument takes its value from its word or from the environment, and the proxies reach every tier', () => {
  const wishes = check({ buildArguments: ['UV=0', 'https_proxy'] }, { https_proxy: 'http://p:1', HTTP_PROXY: 'x' });
  expect(wishes.buildArguments).toEqual({ UV: '0', https_proxy: 'http://p:1' });
  expect(wishes.proxies).toEqual({ https_proxy: 'http://p:1' });
});
