import { expect, test } from 'vitest';
import type { EgressGeneration } from './config.ts';
import { generationHash } from './generation.ts';

const GENERATION: EgressGeneration = {
  generation: 3,
  policy: { mode: 'filtered', rules: [{ id: 'a', effect: 'allow', origin: 'user', host: 'h.example' }] },
  bindings: [{ name: 'KEY', hosts: ['h.example'], slots: [{ kind: 'bearer' }], placeholder: 'p' }],
  secretValues: { KEY: 'real' },
  routes: [{ host: 'h.example', address: '127.0.0.1', port: 1 }],
};

test('the hash does not depend on secret values, absent fields or the order of keys', () => {
  const hash = generationHash(GENERATION);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(generationHash({ ...GENERATION, secretValues: { KEY: 'other' } })).toBe(hash);
  const rule = { host: 'h.example', origin: 'user', effect: 'allow', id: 'a', port: undefined } as const;
  expect(generationHash({ ...GENERATION, policy: { rules: [rule], mode: 'filtered' } })).toBe(hash);
  expect(generationHash(JSON.parse(JSON.stringify(GENERATION)))).toBe(hash);
});

test.each([
  ['the number', { generation: 4 }],
  ['the mode', { policy: { ...GENERATION.policy, mode: 'none' as const } }],
  ['the rules', { policy: { mode: 'filtered' as const, rules: [] } }],
  ['the bindings', { bindings: [] }],
  ['the routes', { routes: [] }],
])('the hash depends on %s', (_, change) => {
  expect(generationHash({ ...GENERATION, ...change })).not.toBe(generationHash(GENERATION));
});
