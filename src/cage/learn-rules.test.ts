import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesPath } from '../policy/paths.ts';
import { learnRules, type LearnedPath, type SeenRequest } from './learn-rules.ts';

const SEEN: SeenRequest = {
  protocol: 'http',
  scheme: 'https',
  method: 'GET',
  host: 'api.example.com',
  port: 443,
  path: '/',
  queryBytes: 0,
};

function get(...paths: string[]): SeenRequest[] {
  return paths.map((path) => ({ ...SEEN, path }));
}

function learned(seen: Iterable<SeenRequest>, wide = false): string[] {
  return learnRules(seen, { wide }).map(({ methods, path }) => `${methods.join(',')} ${path}`);
}

test.each<[string, string[], string[]]>([
  ['two siblings are listed one by one', ['/items/1', '/items/2'], ['GET /items/1', 'GET /items/2']],
  ['three siblings leave their id open', ['/items/1', '/items/2', '/items/3'], ['GET /items/*']],
  ['the same path thrice is one path', ['/items/1', '/items/1', '/items/1'], ['GET /items/1']],
  [
    'siblings that are words stay words',
    ['/left-pad', '/lodash', '/chalk'],
    ['GET /chalk', 'GET /left-pad', 'GET /lodash'],
  ],
  [
    'a word among ids stays a rule of its own',
    ['/items/1', '/items/2', '/items/3', '/items/all'],
    ['GET /items/*', 'GET /items/all'],
  ],
  [
    'ids in two segments are left open one after the other',
    ['/u/1/p/1', '/u/1/p/2', '/u/1/p/3', '/u/2/p/1', '/u/2/p/2', '/u/2/p/3', '/u/3/p/4', '/u/3/p/5', '/u/3/p/6'],
    ['GET /u/*/p/*'],
  ],
  [
    'ids that never stand alone as the difference stay as they are',
    ['/u/1/p/4', '/u/2/p/5', '/u/3/p/6'],
    ['GET /u/1/p/4', 'GET /u/2/p/5', 'GET /u/3/p/6'],
  ],
  [
    'a name around a version stays',
    ['/pad/-/pad-1.0.0.tgz', '/pad/-/pad-1.1.0.tgz', '/pad/-/pad-2.0.0.tgz'],
    ['GET /pad/-/pad-*.tgz'],
  ],
  ['paths of other depths are no siblings', ['/a/1', '/a/2', '/a/3/b'], ['GET /a/1', 'GET /a/2', 'GET /a/3/b']],
])('%s', (_, paths, rules) => {
  expect(learned(get(...paths))).toEqual(rules);
});

test('methods of one path become one rule, those of another stay apart', () => {
  const seen = [...get('/a', '/b'), { ...SEEN, method: 'POST', path: '/a' }];
  expect(learned(seen)).toEqual(['GET,POST /a', 'GET /b']);
});

test('hosts, ports, schemes and WebSockets are never mixed', () => {
  const seen = [
    SEEN,
    { ...SEEN, host: 'other.example.com' },
    { ...SEEN, port: 8443 },
    { ...SEEN, scheme: 'http' as const, port: 80 },
    { ...SEEN, protocol: 'websocket' as const },
  ];
  const rules = learnRules(seen, { wide: false });
  expect(rules).toHaveLength(5);
  expect(rules.filter(({ websocket }) => websocket)).toHaveLength(1);
});

test('queries are bounded by the longest that was seen, rounded up', () => {
  const seen = [0, 7, 40].map((queryBytes) => ({ ...SEEN, queryBytes }));
  expect(learnRules(seen, { wide: false })).toMatchObject([{ path: '/', maxQueryBytes: 64 }]);
  expect(learnRules([SEEN], { wide: false })).toMatchObject([{ maxQueryBytes: 0 }]);
});

test('only who asks for wide rules gets them', () => {
  const words = get('/repo/readme', '/repo/docs/guide', '/repo/src/index', '/other');
  expect(learned(words).join()).not.toContain('**');
  expect(learned(words, true)).toEqual(['GET /other', 'GET /repo/**']);
});

const segments = fc.oneof(
  fc.constantFrom('items', 'users', 'v1', 'all'),
  fc.nat({ max: 9 }).map(String),
  fc.constantFrom('1.0.0', '1.2.0', '3.0.1', 'd816a2b', 'c927b3c', 'a1b2c3d'),
);
const requests = fc.array(
  fc.record({
    protocol: fc.constantFrom('http' as const, 'websocket' as const),
    scheme: fc.constant('https' as const),
    method: fc.constantFrom('GET', 'POST'),
    host: fc.constantFrom('a.example', 'b.example'),
    port: fc.constantFrom(443, 8443),
    path: fc.array(segments, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`),
    queryBytes: fc.nat({ max: 300 }),
  }),
  { maxLength: 40 },
);

test('whatever was recorded passes again, and what differs in more than an id does not', () => {
  fc.assert(
    fc.property(requests, fc.boolean(), (seen, wide) => {
      const rules = learnRules(seen, { wide });
      for (const request of seen) {
        expect(passes(rules, request)).toBe(true);
        expect(passes(rules, { ...request, host: 'c.example' })).toBe(false);
        expect(passes(rules, { ...request, method: 'DELETE' })).toBe(false);
        expect(passes(rules, { ...request, queryBytes: 4096 })).toBe(false);
        if (!wide) expect(passes(rules, { ...request, path: `${request.path}/neighbour` })).toBe(false);
        if (!wide) expect(passes(rules, { ...request, path: '/a/path/that/nobody/has/seen' })).toBe(false);
      }
      const samples = rules.reduce((sum, rule) => sum + rule.samples.length, 0);
      expect(samples).toBe(seen.length);
      if (!wide) expect(rules.some(({ path }) => path.includes('**'))).toBe(false);
    }),
    { numRuns: 10_000 },
  );
});

test('the order in which requests came does not matter', () => {
  fc.assert(
    fc.property(requests, (seen) => {
      const one = learnRules(seen, { wide: false }).map(({ path, methods, host }) => [host, path, methods]);
      const other = learnRules([...seen].reverse(), { wide: false }).map(({ path, methods, host }) => [
        host,
        path,
        methods,
      ]);
      expect(other).toEqual(one);
    }),
    { numRuns: 2000 },
  );
});

function passes(
  rules: readonly LearnedPath[],
  { host, port, method, path, protocol, queryBytes }: SeenRequest,
): boolean {
  return rules.some(
    (rule) =>
      rule.host === host &&
      rule.port === port &&
      rule.methods.includes(method) &&
      rule.websocket === (protocol === 'websocket') &&
      queryBytes <= rule.maxQueryBytes &&
      matchesPath(rule.path, path),
  );
}
