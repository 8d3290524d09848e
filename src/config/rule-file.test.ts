import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatRule, parseRule } from '../policy/rules.ts';
import { sharedSuffix } from '../policy/suffixes.ts';
import { parseRuleFile } from './rule-file.ts';
import { formatProblem } from './toml-tables.ts';

const STANCE = { origin: 'user', nowMs: Date.parse('2026-01-01T00:00:00Z'), sharedSuffix } as const;
const parse = (text: string) => parseRuleFile(text, STANCE);

/** The problems of a file as a user reads them. */
function told(text: string): string[] {
  const read = parse(text);
  return read.ok ? [] : read.problems.map((problem) => formatProblem('rules.toml', problem));
}

test('a bundle can be denied, can end, and can name several references', () => {
  const deny = parse('[[rule]]\neffect = "deny"\nuse = "npm"\nreason = "no packages"\n');
  expect(deny).toMatchObject({
    ok: true,
    rules: [{ effect: 'deny', host: 'registry.npmjs.org', reason: 'no packages' }],
  });
  const push = parse('[[rule]]\nuse = "github:o/r:push=main,agent/*"\nexpires = "2026-02-01"\n');
  if (!push.ok) throw new Error(JSON.stringify(push.problems));
  expect(push.rules.find(({ pushRefs }) => pushRefs !== undefined)).toMatchObject({
    pushRefs: ['refs/heads/main', 'refs/heads/agent/*'],
    expires: '2026-02-01T00:00:00.000Z',
  });
});

test('every attribute of a rule has its key', () => {
  const read = parse(`
[[rule]]
host = "api.example.com"
port = 8443
scheme = "https"
methods = ["POST", "PUT"]
path = "/v1/**"
content-types = ["application/json"]
max-body = "1MB"
max-query = 64
requests-per-minute = 60
requests-per-day = 1000
bytes-per-minute = "1MB"
bytes-per-day = 50000000
expires = "2026-12-01"
private = true
websocket = true
secrets = ["TOKEN"]
reason = "orders, of the shop"

[[rule]]
effect = "deny"
host = "*.tracker.example"

[[rule]]
use = "npm"

[[rule]]
host = "db.example.com"
port = 5432
passthrough = true

[inspect]
secret-shapes = "block"
`);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  expect(read.inspection).toEqual({ secretShapes: 'block' });
  expect(read.rules[0]).toMatchObject({
    ...{ effect: 'allow', origin: 'user', host: 'api.example.com', port: 8443, path: '/v1/**' },
    ...{ methods: ['POST', 'PUT'], contentTypes: ['application/json'], maxQueryBytes: 64, private: true },
    budget: { requestsPerMinute: 60, requestsPerDay: 1000, bytesPerDay: 50_000_000 },
    ...{ websocket: true, secrets: ['TOKEN'], reason: 'orders, of the shop' },
  });
  expect(read.rules[0]?.expires).toMatch(/^2026-12-0/);
  expect(read.rules[1]).toMatchObject({ effect: 'deny', host: '*.tracker.example' });
  expect(read.rules.filter(({ origin }) => origin === 'bundle').length).toBeGreaterThan(1);
  expect(read.rules.at(-1)).toMatchObject({ host: 'db.example.com', port: 5432, passthrough: true });
});

test('a byte order mark before a file is no mistake, one within it is', () => {
  const table = '[[rule]]\nhost = "a.example"\n';
  expect(parse(`\ufeff${table}`)).toEqual(parse(table));
  expect(told(`${table}\ufeff${table}`)).toEqual([expect.stringMatching(/^rules\.toml:3:1: /)]);
});

test('all mistakes of a file are told at once, each at its place and with what to write instead', () => {
  expect(
    told(`verson = 1
[[rule]]
hots = "a.example"

[[rule]]
host = "b.example"
port = "443"
methods = "GET"

[[rule]]
effect = "permit"
host = "c.example"

[[rule]]
host = "*.github.io"

[[rule]]
use = "nmp"

[[rules]]
host = "d.example"

[inspect]
secret-shapes = "maybe"
payload = "flag"
`),
  ).toEqual([
    expect.stringMatching(/^rules\.toml:1:1: there is no key "verson"/),
    expect.stringMatching(/^rules\.toml:2:1: a rule has either a host or the name of a bundle — write host/),
    expect.stringMatching(/^rules\.toml:3:1: there is no key "hots" — did you mean host\?$/),
    expect.stringMatching(/^rules\.toml:7:1: port takes a whole number$/),
    expect.stringMatching(/^rules\.toml:8:1: methods takes a list of texts$/),
    expect.stringMatching(/^rules\.toml:11:1: effect cannot be "permit" — write "allow" or "deny"$/),
    expect.stringMatching(/^rules\.toml:15:1: .*github\.io/),
    expect.stringMatching(/^rules\.toml:18:1: .*nmp/),
    expect.stringMatching(/^rules\.toml:20:1: there is no table "rules"/),
    expect.stringMatching(/^rules\.toml:24:1: secret-shapes takes off, flag, block$/),
    expect.stringMatching(/^rules\.toml:25:1: there is no key "payload"/),
  ]);
});

test.each([
  [
    'a path without its slash, which would name another host',
    'host = "a.example"\npath = ".evil.example/"',
    /path takes/,
  ],
  ['a host with words behind it', 'host = "a.example private"', /host takes/],
  ['a host with a path', 'host = "a.example/x"', /host takes/],
  ['a scheme with a host', 'host = "a.example"\nscheme = "https://b.example/"', /scheme takes/],
  ['a bundle as a host', 'host = "npm"', /is a bundle and no host — use = "npm"/],
  ['a host as a bundle', 'use = "a.example"', /there is no bundle "a.example"/],
  ['a reason of two lines', 'host = "a.example"\nreason = "a\\nb"', /reason takes/],
  ['a method that is none', 'host = "a.example"\nmethods = ["G ET"]', /methods takes/],
  ['a glob that cannot be read', 'host = "a.example"\npath = "/a**b"', /:3:1: /],
  ['a size that is none', 'host = "a.example"\nmax-body = "large"', /:3:1: /],
  ['raw bytes without a port', 'host = "a.example"\npassthrough = true', /port/],
  ['a float', 'host = "a.example"\nport = 443.5', /port takes/],
  ['an empty list', 'host = "a.example"\nmethods = []', /methods takes/],
  ['no TOML', 'host = a.example', /not TOML|:2:/],
  ['a key twice', 'host = "a.example"\nhost = "b.example"', /rules\.toml:3:/],
])('%s is a mistake', (_, table, problem) => {
  expect(told(`[[rule]]\n${table}\n`)).toEqual([expect.stringMatching(problem)]);
});

test.each([
  ['the same twice', 'host = "a.example"', 'host = "a.example"', /is written twice \(see line 1\)/],
  [
    'allowed and denied',
    'host = "a.example"\neffect = "deny"',
    'host = "a.example"',
    /allowed and denied|deny rule covers/,
  ],
  [
    'denied as a part',
    '# \neffect = "deny"\nhost = "*.a.example"',
    'host = "b.a.example"',
    /deny rule covers all of it/,
  ],
  [
    'a bound that an earlier rule takes away',
    'host = "a.example"',
    'host = "a.example"\npath = "/x"\nrequests-per-minute = 1',
    /never applies: an earlier rule covers it/,
  ],
])('%s is a contradiction', (_, one, other, problem) => {
  const problems = told(`[[rule]]\n${one}\n[[rule]]\n${other}\n`);
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.join('\n')).toMatch(problem);
});

test('a narrower rule before a wider one is no contradiction, and what is superfluous is a warning only', () => {
  const bounded = '[[rule]]\nhost = "a.example"\npath = "/x"\nrequests-per-minute = 1\n';
  const wide = '[[rule]]\nhost = "a.example"\n';
  expect(parse(`${bounded}${wide}`)).toMatchObject({ ok: true, warnings: [] });
  const superfluous = parse(`${wide}[[rule]]\nhost = "a.example"\npath = "/x"\n`);
  expect(superfluous).toMatchObject({ ok: true, warnings: [{ line: 3 }] });
});

const OTHER_KINDS = ['1.5', '-1', '{ a = 1 }', '[[1]]', '[true]', '""', '2026-01-01'];
test.each<[string, ...string[]]>([
  ['effect', 'true', '1', '["deny"]'],
  ['use', 'true', '1', '["npm"]'],
  ['host', 'true', '1', '["a.example"]'],
  ['port', 'true', '"443"', '[443]'],
  ['scheme', 'true', '1', '["https"]'],
  ['methods', 'true', '1', '"GET"', '[1]', '["GET", 1]'],
  ['path', 'true', '1', '["/a"]', '"a"'],
  ['content-types', 'true', '1', '"text/plain"'],
  ['max-body', 'true', '["1MB"]', '"1 MB"'],
  ['max-query', 'true', '[1]'],
  ['requests-per-minute', 'true', '"60"', '[60]'],
  ['requests-per-day', 'true', '"60"', '[60]'],
  ['bytes-per-minute', 'true', '["1MB"]'],
  ['bytes-per-day', 'true', '["1MB"]'],
  ['expires', 'true', '1', '["2h"]'],
  ['private', '"true"', '1', '["true"]'],
  ['passthrough', '"true"', '1'],
  ['websocket', '"true"', '1'],
  ['shared', '"true"', '1'],
  ['secrets', 'true', '1', '"TOKEN"'],
  ['push-refs', 'true', '1', '"refs/heads/a"'],
  ['reason', 'true', '1', '["why"]', '"two\\nlines"'],
])('%s takes one kind of value, and any other is a mistake at its place', (name, ...values) => {
  const host = name === 'host' || name === 'use' ? '' : 'host = "a.example"';
  for (const other of [...values, ...OTHER_KINDS]) {
    const problems = told(`[[rule]]\n${host}\n${name} = ${other}\n`);
    expect(problems[0], other).toMatch(new RegExp(`^rules\\.toml:3:1: ${name} takes `));
  }
});

const value = fc.oneof(
  fc.string().map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '"a.example"',
    '"*.example.com"',
    '"/v1/**"',
    '443',
    '-1',
    'true',
    '["GET"]',
    '[]',
    '"1MB"',
    '1.5',
    'nan',
  ),
  fc.constantFrom('"npm"', '"deny"', '"https"', '2026-01-01', '"2h"', '{ a = 1 }', '0xff'),
);
const key = fc.constantFrom(
  ...['host', 'port', 'path', 'methods', 'use', 'effect', 'scheme', 'max-body', 'expires', 'private', 'secrets'],
  ...[
    'push-refs',
    'reason',
    'requests-per-minute',
    'passthrough',
    'websocket',
    'content-types',
    'shared',
    'nothing',
    '"a b"',
  ],
);
const line = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(key, value).map(([name, text]) => `${name} = ${text}`) },
  { weight: 2, arbitrary: fc.constantFrom('[[rule]]', '[inspect]', '[policy]', '[[rule.x]]', '') },
  { weight: 1, arbitrary: fc.string() },
);

test('whatever a file holds, it is rules or a list of problems with places', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const text = ['[[rule]]', 'host = "a.example"', ...lines].join('\n');
      const read = parse(text);
      if (read.ok) {
        for (const rule of read.rules) {
          expect(rule.host).not.toMatch(/[\s,/]/);
          if (rule.origin === 'user') {
            expect(parseRule(formatRule(rule), { ...STANCE, effect: rule.effect })).toEqual({
              ok: true,
              rules: [rule],
            });
          }
        }
        return;
      }
      expect(read.problems.length).toBeGreaterThan(0);
      for (const problem of read.problems) {
        expect(problem.line).toBeGreaterThanOrEqual(1);
        expect(problem.line).toBeLessThanOrEqual(text.split('\n').length);
        expect(problem.column).toBeGreaterThanOrEqual(1);
        expect(problem.message).not.toBe('');
      }
    }),
    { numRuns: 10_000 },
  );
});
