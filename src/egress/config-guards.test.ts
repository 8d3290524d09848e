import { expect, test } from 'vitest';
import { readConfig, readGeneration } from './config-guards.ts';
import { DEFAULT_LIMITS, type EgressConfig } from './config.ts';

const CONFIG: EgressConfig = {
  generation: 1,
  policy: {
    mode: 'filtered',
    rules: [
      {
        id: 'full',
        effect: 'allow',
        origin: 'user',
        host: '*.h.example',
        port: 8443,
        scheme: 'https',
        methods: ['GET'],
        path: '/a/**',
        maxQueryBytes: 10,
        websocket: true,
        private: true,
        contentTypes: ['application/json', 'text/*'],
        maxBodyBytes: 1000,
        budget: { requestsPerMinute: 1, requestsPerDay: 2, bytesPerMinute: 3, bytesPerDay: 4 },
        passthrough: false,
        expires: '2027-01-01T00:00:00.000Z',
        secrets: ['KEY'],
        pushRefs: ['refs/heads/agent/*'],
        sharedSuffix: true,
        reason: 'because',
      },
      { id: 'short', effect: 'deny', origin: 'preset', host: 'h.example' },
    ],
    inspection: { secretShapes: 'block', payloadShape: 'off' },
  },
  bindings: [
    {
      name: 'KEY',
      hosts: ['h.example'],
      slots: [{ kind: 'header', name: 'x-key' }, { kind: 'bearer' }, { kind: 'basic-password' }],
      placeholder: 'p',
    },
  ],
  secretValues: { KEY: 'real-value' },
  routes: [{ host: 'h.example', address: '127.0.0.1', port: 1, caPem: 'pem' }],
  cage: 'c',
  caDirectory: '/ca',
  auditDirectory: '/audit',
  controlSocket: '/control',
  upstreamCaFiles: ['/file'],
  inspectors: [{ name: 'mine', timeoutMs: 1000 }],
  limits: DEFAULT_LIMITS,
};

test('a whole configuration is read as it is', () => {
  expect(readConfig(JSON.parse(JSON.stringify(CONFIG)))).toEqual(CONFIG);
});

function changed(change: (config: Record<string, never> & EgressConfig) => void): unknown {
  const copy = JSON.parse(JSON.stringify(CONFIG));
  change(copy);
  return copy;
}

const [RULE] = CONFIG.policy.rules;

test.each([
  ['an unknown field of a rule', 'policy.rules[0].onlyOnSundays', { ...RULE, onlyOnSundays: true }],
  ['an unknown effect', 'policy.rules[0].effect', { ...RULE, effect: 'maybe' }],
  ['a missing host', 'policy.rules[0].host', { ...RULE, host: undefined }],
  ['an empty host', 'policy.rules[0].host', { ...RULE, host: '' }],
  ['a port that is none', 'policy.rules[0].port', { ...RULE, port: 70_000 }],
  ['a port as text', 'policy.rules[0].port', { ...RULE, port: '443' }],
  ['methods as text', 'policy.rules[0].methods', { ...RULE, methods: 'GET' }],
  ['private as text', 'policy.rules[0].private', { ...RULE, private: 'false' }],
  ['an unknown bound', 'policy.rules[0].budget.requestsPerHour', { ...RULE, budget: { requestsPerHour: 1 } }],
  ['a bound below zero', 'policy.rules[0].budget.bytesPerDay', { ...RULE, budget: { bytesPerDay: -1 } }],
  ['a bound on the body as text', 'policy.rules[0].maxBodyBytes', { ...RULE, maxBodyBytes: '1MB' }],
  ['passthrough as text', 'policy.rules[0].passthrough', { ...RULE, passthrough: 'no' }],
  ['an expiry that is no text', 'policy.rules[0].expires', { ...RULE, expires: 1 }],
  ['secrets as text', 'policy.rules[0].secrets', { ...RULE, secrets: 'KEY' }],
  ['an unknown scheme', 'policy.rules[0].scheme', { ...RULE, scheme: 'ftp' }],
])('%s is refused by name', (_, where, rule) => {
  const config = changed((copy) => Object.assign(copy, { policy: { mode: 'filtered', rules: [rule] } }));
  expect(() => readConfig(config)).toThrow(where);
});

test.each([
  ['mode', { policy: { mode: 'open', rules: [] } }],
  ['inspection', { policy: { mode: 'ask', rules: [], inspection: { secretShapes: 'warn', payloadShape: 'off' } } }],
  ['part of inspection', { policy: { mode: 'ask', rules: [], inspection: { secretShapes: 'flag' } } }],
  ['slots', { bindings: [{ name: 'K', hosts: [], slots: [{ kind: 'query' }], placeholder: 'p' }] }],
  ['header slot', { bindings: [{ name: 'K', hosts: [], slots: [{ kind: 'header' }], placeholder: 'p' }] }],
  ['relative path', { controlSocket: 'control.sock' }],
  ['limits', { limits: { ...DEFAULT_LIMITS, maxConnections: -1 } }],
  ['unknown limit', { limits: { ...DEFAULT_LIMITS, maxBytes: 1 } }],
  ['unknown field', { tlsOff: true }],
  ['no rules', { policy: { mode: 'filtered' } }],
  ['generation', { generation: 1.5 }],
])('a configuration with a broken %s is refused', (_, change) => {
  expect(() => readConfig(changed((copy) => Object.assign(copy, change)))).toThrow('settings it cannot read');
});

test.each([undefined, null, 1, 'text', []])('%j is no configuration', (value) => {
  expect(() => readConfig(value)).toThrow('is not an object');
});

test('the message of a refusal never quotes a value', () => {
  const generation = {
    generation: 2,
    policy: CONFIG.policy,
    bindings: [],
    routes: [],
    secretValues: { KEY: ['real-value'] },
  };
  expect(() => readGeneration(generation)).toThrow('secretValues.KEY');
  expect(() => readGeneration(generation)).not.toThrow('real-value');
});
