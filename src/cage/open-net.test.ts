import { expect, test } from 'vitest';
import { refuseForOpen, refuseRulesOfOpen } from './open-net.ts';
import type { CageOptions } from './options.ts';

const NONE: CageOptions = { allow: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [] };

test.each<[string, Partial<CageOptions>]>([
  ['--allow', { allow: ['npm'] }],
  ['--policy', { policies: ['rules.toml'] }],
  ['--route', { routes: ['a.test=127.0.0.1:1'] }],
  ['--secret', { secrets: ['TOKEN'] }],
  ['--auth api-key', { auth: 'api-key' }],
])('%s is refused by name where nothing would look at it', (option, given) => {
  const message = expect.stringContaining(`${option} has no meaning`);
  expect(() => refuseForOpen({ ...NONE, ...given }, 'docker')).toThrow(
    expect.objectContaining({ code: 'E_USAGE', message }),
  );
});

test('what counts in an open cage as well is not refused', () => {
  expect(() => refuseForOpen({ ...NONE, env: ['A=1'], auth: 'none', memory: '1g' }, 'podman')).not.toThrow();
});

test('a native cage cannot be open', () => {
  expect(() => refuseForOpen(NONE, 'native')).toThrow(expect.objectContaining({ code: 'E_PROTECTION' }));
});

test('rules are refused to an open cage, and to no other', () => {
  expect(() => refuseRulesOfOpen({ name: 'a', net: 'open' })).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
  expect(() => refuseRulesOfOpen({ name: 'a', net: 'filtered' })).not.toThrow();
});
