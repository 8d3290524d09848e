import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BUNDLES, findBundle } from './bundles.ts';
import { decide } from './chain.ts';
import { explain } from './explain.ts';
import { NO_USAGE } from './inspector.ts';
import { formatRule, parseRule } from './rules.ts';
import { sharedSuffix } from './suffixes.ts';
import type { Policy, Rule } from './types.ts';

const NOWHERE = { bindings: [], nowMs: Date.UTC(2026, 10, 21), usage: () => NO_USAGE };
const ground = { origin: 'user', nowMs: NOWHERE.nowMs, sharedSuffix } as const;
const allow = { effect: 'allow', ...ground } as const;
const deny = { effect: 'deny', ...ground } as const;

function rulesOf(text: string, stance: typeof allow | typeof deny = allow): readonly Rule[] {
  const parsed = parseRule(text, stance);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message}`);
  return parsed.rules;
}

test.each<[string, Partial<Rule>]>([
  ['example.com', { id: 'allow:example.com', host: 'example.com' }],
  ['  EXAMPLE.com. ', { id: 'allow:example.com', host: 'example.com' }],
  ['*.example.com', { host: '*.example.com' }],
  ['**.example.com', { host: '**.example.com' }],
  ['example.com:8443', { host: 'example.com', port: 8443 }],
  ['example.com:443', { id: 'allow:example.com' }],
  ['https://example.com', { id: 'allow:example.com' }],
  ['http://example.com', { id: 'allow:http://example.com', scheme: 'http' }],
  ['example.com:80', { id: 'allow:http://example.com', scheme: 'http' }],
  ['http://example.com:8080', { scheme: 'http', port: 8080 }],
  ['GET example.com/v1/**', { id: 'allow:GET example.com/v1/**', methods: ['GET'], path: '/v1/**' }],
  ['post,get,GET example.com', { methods: ['GET', 'POST'] }],
  ['example.com/**', { id: 'allow:example.com' }],
  ['example.com/', { path: '/' }],
  ['example.com/%41/../b', { path: '/b' }],
  ['localhost:3000 private', { host: 'localhost', port: 3000, private: true }],
  ['intranet private', { host: 'intranet', private: true }],
  ['[::1]:8080 private', { id: 'allow:[::1]:8080 private', host: '::1', port: 8080, private: true }],
  ['127.0.0.1:8080 private', { host: '127.0.0.1', port: 8080, private: true }],
  ['203.0.113.7', { host: '203.0.113.7' }],
  ['example.com no-websocket', { websocket: false }],
  ['example.com websocket', { id: 'allow:example.com' }],
  ['GET example.com websocket', { websocket: true }],
  ['GET example.com max-query=64', { maxQueryBytes: 64 }],
  ['example.com reason= it  is needed', { id: 'allow:example.com', reason: 'it  is needed' }],
  ['*.my.github.io', { host: '*.my.github.io' }],
])('%j allows what it says', (text, parts) => {
  const [rule, ...more] = rulesOf(text);
  expect(more).toEqual([]);
  expect(rule).toMatchObject({ effect: 'allow', origin: 'user', ...parts });
});

test('what a rule does not say is absent, so that equal rules are equal data', () => {
  expect(rulesOf('https://EXAMPLE.com:443/** websocket')).toStrictEqual([
    { id: 'allow:example.com', effect: 'allow', origin: 'user', host: 'example.com' },
  ]);
});

test('a deny rule keeps the scheme and the port it was written with', () => {
  expect(rulesOf('https://example.com:443', deny)).toStrictEqual([
    {
      id: 'deny:https://example.com:443',
      effect: 'deny',
      origin: 'user',
      host: 'example.com',
      port: 443,
      scheme: 'https',
    },
  ]);
});

test.each([
  ['', /empty/, ''],
  ['private', /neither|empty/, ''],
  ['nmp', /neither a bundle/, 'did you mean npm?'],
  ['antropic', /neither a bundle/, 'did you mean anthropic?'],
  ['githbu', /neither a bundle/, 'did you mean github:OWNER/REPO?'],
  ['intranet', /neither a bundle/, 's3:BUCKET; for a host on your own network write "intranet private"'],
  ['github:owner', /not a port/, 'github:OWNER/REPO'],
  ['npm private', /no further words/, 'write just: npm'],
  ['GET npm', /no further words/, 'write just: npm'],
  ['FETCH example.com', /not a method/, 'GET'],
  ['TRACE example.com', /not a method/, 'GET'],
  ['GET POST example.com', /too many/, ''],
  ['*', /not a host/, '*.example.com'],
  ['*.*', /not a host/, '*.example.com'],
  ['a.*.com', /not a host/, '*.example.com'],
  ['***.example.com', /not a host/, '*.example.com'],
  ['*.com', /anybody can have a name under com,/, 'my-project.com'],
  ['*.windows.net', /anybody can have a name under core.windows.net,/, ''],
  ['**.co.uk', /anybody/, ''],
  ['*.github.io', /anybody/, ''],
  ['**.cloudfront.net', /anybody/, ''],
  ['*.s3.eu-west-1.amazonaws.com', /anybody/, ''],
  ['**.bucket.blob.core.windows.net', /anybody/, ''],
  ['*.127.0.0.1', /not a host|no wildcard/, ''],
  ['user@example.com', /not a host/, ''],
  ['example.com:0', /not a port/, ''],
  ['example.com:65536', /not a port/, ''],
  ['example.com:', /not a port/, ''],
  ['ftp://example.com', /not a scheme/, ''],
  ['wss://example.com', /not a scheme/, 'websocket'],
  ['example.com/a?b', /"\?"/, ''],
  ['example.com/a**', /whole segment/, ''],
  ['example.com//a', /empty segment/, ''],
  ['127.0.0.1', /loopback/, 'private'],
  ['10.0.0.1:8080', /private/, 'private'],
  ['169.254.169.254 private', /metadata/, ''],
  ['2130706433', /not a host/, ''],
  ['::1', /not a host/, ''],
  ['example.com private private', /twice/, ''],
  ['example.com websocket no-websocket', /both/, ''],
  ['example.com max-query=x', /max-query/, ''],
  ['example.com\nreason=x', /control/, ''],
  ['example.com reason=a\u202eb', /control/, ''],
  ['a'.repeat(5000), /too long/, ''],
])('%j is refused and says why', (text, message, suggestion) => {
  const parsed = parseRule(text, allow);
  expect(parsed.ok).toBe(false);
  if (parsed.ok) return;
  expect(parsed.message).toMatch(message);
  expect(parsed.suggestion).toContain(suggestion);
});

test.each(['private', 'passthrough', 'max-query=64', 'max-body=1MB', 'rpm=5', 'expires=2h', 'secrets=none', 'shared'])(
  '%s has no meaning in a deny rule: who asks for more, longer or later would pass',
  (words) => {
    expect(parseRule(`**.example.com ${words}`, deny)).toMatchObject({ ok: false });
  },
);

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const text = fc
  .record({
    methods: fc.subarray(['GET ', 'get,POST ', 'DELETE,PUT ', ''], { minLength: 1, maxLength: 1 }),
    scheme: fc.constantFrom('', 'http://', 'https://'),
    wildcard: fc.constantFrom('', '*.', '**.'),
    host: fc.tuple(word, word).map(([a, b]) => `${a}.${b}.example`),
    port: fc.constantFrom('', ':80', ':443', ':8080'),
    path: fc.constantFrom('', '/', '/**', '/a/*', "/it's/%2a", '/**/x%2fy'),
    marks: fc.subarray([' private', ' websocket', ' max-query=9'], { minLength: 0 }),
    reason: fc.constantFrom('', ' reason=because it is', ' reason=reason=x private'),
  })
  .map((p) => `${p.methods[0]}${p.scheme}${p.wildcard}${p.host}${p.port}${p.path}${p.marks.join('')}${p.reason}`);

const HOSTS_LIKE_BUNDLES = [
  'https://npm',
  'http://apt',
  'npm:443',
  'GET https://pypi',
  'crates./x',
  'openai.:8443',
  'apt.',
  'https://host',
];

test('a rule that is written and read again is the same rule', () => {
  fc.assert(
    fc.property(
      fc.oneof(text, fc.constantFrom(...HOSTS_LIKE_BUNDLES), fc.string(), fc.webUrl()),
      fc.constantFrom(allow, deny),
      (candidate, stance) => {
        const parsed = parseRule(candidate, stance);
        // A bundle's rules are its own; their texts mean the same to a user.
        if (!parsed.ok || parsed.rules.some(({ origin }) => origin === 'bundle')) return;
        for (const rule of parsed.rules)
          expect(parseRule(formatRule(rule), stance)).toStrictEqual({ ok: true, rules: [rule] });
      },
    ),
    { numRuns: 10_000 },
  );
});

test('most generated rules are rules, so that the property above is not empty', () => {
  const parsed = fc.sample(text, { numRuns: 200, seed: 1 }).filter((candidate) => parseRule(candidate, allow).ok);
  expect(parsed.length).toBeGreaterThan(150);
});

test('bundle rules have names of their own and the meaning that their text has', () => {
  const all = [...Object.values(BUNDLES), findBundle('github:o/r')].flatMap((bundle) => bundle?.rules ?? []);
  expect(new Set(all.map((rule) => rule.id)).size).toBe(all.length);
  for (const { id: _, ...rule } of all) {
    const [{ id: __, ...read } = { id: '' }] = rulesOf(formatRule({ id: '', ...rule }));
    expect({ ...read, origin: 'bundle' }).toStrictEqual(rule);
  }
});

function verdict(texts: readonly string[], method: string, url: string): string {
  const policy: Policy = { mode: 'filtered', rules: texts.flatMap((text) => rulesOf(text)) };
  const explained = explain(policy, method, url, NOWHERE);
  return explained.ok ? explained.decision.rule : explained.reason;
}

test.each([
  ['npm', 'GET', 'https://registry.npmjs.org/left-pad', 'npm:metadata'],
  ['npm', 'HEAD', 'https://registry.npmjs.org/@types%2fnode', 'npm:metadata'],
  ['npm', 'GET', 'https://registry.npmjs.org/@types/node', 'npm:scoped-metadata'],
  ['npm', 'GET', 'https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz', 'npm:tarball'],
  ['npm', 'GET', 'https://registry.npmjs.org/@types/node/-/node-22.0.0.tgz', 'npm:scoped-tarball'],
  ['npm', 'PUT', 'https://registry.npmjs.org/left-pad', '<default-deny>'],
  ['npm', 'POST', 'https://registry.npmjs.org/-/npm/v1/security/advisories/bulk', '<default-deny>'],
  ['npm', 'POST', 'https://registry.npmjs.org/-/npm/v1/security/audits/quick', '<default-deny>'],
  ['npm', 'GET', 'https://registry.npmjs.org/-/v1/search?text=x', '<default-deny>'],
  ['npm', 'GET', `https://registry.npmjs.org/left-pad?${'x'.repeat(65)}`, '<default-deny>'],
  ['npm', 'GET', 'http://registry.npmjs.org/left-pad', '<default-deny>'],
  ['npm', 'GET', 'wss://registry.npmjs.org/left-pad', '<default-deny>'],
  ['anthropic', 'POST', 'https://api.anthropic.com/v1/messages?beta=true', 'anthropic:messages'],
  ['anthropic', 'POST', 'https://api.anthropic.com/v1/messages/count_tokens?beta=true', 'anthropic:count-tokens'],
  ['anthropic', 'GET', 'https://api.anthropic.com/v1/models', 'anthropic:models'],
  ['anthropic', 'GET', 'https://api.anthropic.com/v1/models/claude-x', 'anthropic:model'],
  ['anthropic', 'POST', 'https://api.anthropic.com/v1/files', '<default-deny>'],
  ['anthropic', 'POST', 'https://api.anthropic.com/v1/messages/batches', '<default-deny>'],
  ['pypi', 'GET', 'https://pypi.org/simple/requests/', 'pypi:index'],
  ['pypi', 'GET', 'https://pypi.org/pypi/requests/json', 'pypi:metadata'],
  ['pypi', 'GET', 'https://files.pythonhosted.org/packages/a/b/c.whl', 'pypi:files'],
  ['pypi', 'POST', 'https://upload.pypi.org/legacy/', '<default-deny>'],
  ['apt', 'GET', 'http://deb.debian.org/debian/dists/bookworm/InRelease', 'apt:http:deb.debian.org'],
  ['apt', 'GET', 'https://security.debian.org/debian-security/x', 'apt:security.debian.org'],
  ['apt', 'GET', 'http://archive.ubuntu.com/ubuntu/dists/x', 'apt:http:archive.ubuntu.com'],
  ['apt', 'POST', 'http://deb.debian.org/debian/x', '<default-deny>'],
  ['github:o/r', 'GET', 'https://github.com/o/r.git/info/refs?service=git-upload-pack', 'github:o/r:refs-dot-git'],
  ['github:o/r.git', 'POST', 'https://github.com/o/r/git-upload-pack', 'github:o/r:fetch'],
  ['github:o/r', 'POST', 'https://github.com/o/r.git/git-receive-pack', '<default-deny>'],
  ['github:o/r', 'GET', 'https://github.com/o/other.git/info/refs', '<default-deny>'],
  ['github:o/r', 'GET', 'https://codeload.github.com/o/r/tar.gz/main', 'github:o/r:archive'],
])('the bundle %s: %s %s is decided by %s', (bundle, method, url, rule) => {
  expect(verdict([bundle], method, url)).toBe(rule);
});

test.each(['github:a/..', 'github:a/.', 'github:-a/b', 'github:a/b/c', 'github:a--b/c', 'constructor', '__proto__'])(
  '%s is no bundle',
  (text) => {
    expect(findBundle(text)).toBeUndefined();
  },
);

test('denying a bundle closes its hosts whatever else allows them', () => {
  const rules = [...rulesOf('npm'), ...rulesOf('npm', deny)];
  const explained = explain({ mode: 'filtered', rules }, 'GET', 'https://registry.npmjs.org/x', NOWHERE);
  expect(explained).toMatchObject({ ok: true, decision: { rule: 'deny:npm:registry.npmjs.org' } });
});

test.each([
  ['GET', 'https://example.com/a/b'],
  ['POST', 'http://example.com:8080/'],
  ['GET', 'wss://example.com/socket'],
  ['GET', 'http://localhost:3000/x'],
  ['GET', 'https://[2001:db8::1]:8443/'],
  ['GET', 'http://10.0.0.1/'],
  ['GET', "https://example.com/it's/**"],
])('what the remedy for %s %s allows is the request', (method, url) => {
  const explained = explain({ mode: 'filtered', rules: [] }, method, url, NOWHERE);
  if (!explained.ok) throw new Error(explained.reason);
  const quoted = /^ironcage policy allow '(.*)'$/.exec(explained.decision.remedy)?.[1] ?? '';
  const rules = rulesOf(quoted.replaceAll("'\\''", "'"));
  expect(decide({ mode: 'filtered', rules }, explained.exchange, NOWHERE).decision).toBe('allow');
});

test.each([
  'ftp://example.com/',
  'example.com',
  'https://a@example.com/',
  'https://exa mple.com/',
  'https://example.com/%zz',
  '',
])('%j is no URL that a client could ask for', (url) => {
  expect(explain({ mode: 'filtered', rules: [] }, 'GET', url, NOWHERE).ok).toBe(false);
});
