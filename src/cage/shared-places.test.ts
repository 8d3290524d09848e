import { expect, test } from 'vitest';
import { cageIdentity } from './identity.ts';
import { CACHE_NAMES, PACKAGE_CACHES, parseCacheNames } from './package-caches.ts';
import { homeOf, refuseMountsThroughShared } from './shared-places.ts';

const HOME = '/home/agent';

test.each([
  [['npm'], ['npm']],
  [
    ['pip', 'npm', 'pip'],
    ['npm', 'pip'],
  ],
  [['none'], []],
])('caches %j are %j', (texts, names) => expect(parseCacheNames(texts)).toEqual(names));

test.each([[['nmp']], [['npm', 'none']], [['../npm']], [['']]])('caches %j are refused', (texts) =>
  expect(() => parseCacheNames(texts)).toThrow(expect.objectContaining({ code: 'E_USAGE' })),
);

test('no cache lies in another, and none is a tool’s whole directory with its settings', () => {
  const paths = CACHE_NAMES.map((name) => PACKAGE_CACHES[name].path);
  for (const path of paths) {
    expect(paths.filter((other) => other === path || other.startsWith(`${path}/`))).toEqual([path]);
    expect(path).toContain('/');
  }
});

test.each<[string, Parameters<typeof refuseMountsThroughShared>[0], string[], boolean]>([
  ['a home of its own', { home: HOME }, [`${HOME}/data`], true],
  ['a shared home', { profile: 'work', home: HOME }, [`${HOME}/data`], false],
  ['a shared home, beside it', { profile: 'work', home: HOME }, ['/home/agent-2/data', '/data', HOME], true],
  ['a shared cache', { caches: ['npm'], home: HOME }, [`${HOME}/.npm/_cacache/tmp`], false],
  ['a shared cache, beside it', { caches: ['npm'], home: HOME }, [`${HOME}/.npm/_cacache`, `${HOME}/.npm/x`], true],
])('a mount through %s', (_what, spec, targets, fine) => {
  const look = (): void => refuseMountsThroughShared(spec, targets);
  if (fine) expect(look).not.toThrow();
  else expect(look).toThrow(expect.objectContaining({ code: 'E_PROTECTION' }));
});

test('a cage’s home is its own unless it has a profile', () => {
  const paths = { home: '/data/cages/a/home' };
  expect(homeOf({ dataRoot: '/data' }, {}, paths)).toBe('/data/cages/a/home');
  expect(homeOf({ dataRoot: '/data' }, { profile: 'work' }, paths)).toBe('/data/profiles/work/home');
});

test('cages of root’s that share are one user, each with an egress of another', () => {
  const root = { uid: 0, gid: 0 };
  const [one, two, alone] = [
    { slot: 1, sharedSlot: 9, backend: 'native' },
    { slot: 2, sharedSlot: 9, backend: 'docker' },
    { slot: 3, backend: 'native' },
  ].map((spec) => cageIdentity(root, { ...spec, backend: spec.backend === 'docker' ? 'docker' : 'native' }));
  expect(one?.uid).toBe(two?.uid);
  expect(alone?.uid).not.toBe(one?.uid);
  const users = [one, two, alone].flatMap((each) => [each?.uid, each?.egressUid]);
  expect(new Set(users).size).toBe(5);
});
