import { expect, test } from 'vitest';
import { parseSpec, type CageSpec } from './spec.ts';

const SPEC: CageSpec = {
  version: 1,
  name: 'shop',
  project: '/home/me/shop',
  backend: 'native',
  preset: 'safe',
  workspace: 'copy',
  net: 'filtered',
  auth: 'api-key',
  createdAt: '2026-11-21T00:00:00.000Z',
  home: '/home/agent',
  generation: 1,
  rules: [{ id: 'allow:example.com', effect: 'allow', origin: 'user', host: 'example.com', methods: ['GET'] }],
  secrets: [
    { name: 'KEY', hosts: ['example.com'], slots: [{ kind: 'bearer' }], placeholder: 'p'.repeat(40), env: 'KEY' },
  ],
  inspectors: [],
  routes: [],
  env: { A: 'b' },
  binds: [],
  limits: { pids: 4096 },
};

test('a spec is read as it was written', () => {
  expect(parseSpec(JSON.stringify(SPEC), '/x/spec.json', SPEC.name)).toEqual(SPEC);
});

test.each([
  ['no JSON at all', '{', 'JSON'],
  ['an unknown key', JSON.stringify({ ...SPEC, extra: 1 }), 'extra'],
  ['a missing key', JSON.stringify({ ...SPEC, project: undefined }), 'project'],
  ['a wrong type', JSON.stringify({ ...SPEC, generation: 'one' }), 'generation'],
  ['an unknown mode', JSON.stringify({ ...SPEC, net: 'wide-open' }), 'net'],
  [
    'an unknown slot',
    JSON.stringify({ ...SPEC, secrets: [{ ...SPEC.secrets[0], slots: [{ kind: 'body' }] }] }),
    'slots',
  ],
])('%s is an error that names the file and the place', (_what, text, place) => {
  expect(() => parseSpec(text, '/x/spec.json', SPEC.name)).toThrow(
    expect.objectContaining({
      code: 'E_SPEC_BROKEN',
      message: expect.stringContaining('/x/spec.json'),
      because: expect.stringContaining(place),
    }),
  );
});

test('a spec that was copied from another cage is an error that says whose it is', () => {
  expect(() => parseSpec(JSON.stringify(SPEC), '/x/spec.json', 'other')).toThrow(
    expect.objectContaining({ code: 'E_SPEC_BROKEN', because: expect.stringContaining(SPEC.name) }),
  );
});
