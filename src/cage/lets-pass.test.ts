import { expect, test } from 'vitest';
import type { HeldRequest } from '../egress/config.ts';
import { parseRule } from '../policy/rules.ts';
import { letsPass } from './lets-pass.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const HELD: HeldRequest = {
  id: '0123456789ab',
  askedAt: '2026-11-21T12:00:00.000Z',
  expiresAt: '2026-11-21T12:02:00.000Z',
  ...{ protocol: 'http', scheme: 'https', method: 'POST', host: 'a.example', port: 443, path: '/v1', query: 'q=1' },
  ...{ contentLength: 12, contentType: 'application/json', rule: '<default-deny>', reason: '', waiting: 1 },
};

function fits(text: string, held: HeldRequest = HELD, effect: 'allow' | 'deny' = 'allow'): boolean {
  const parsed = parseRule(text, { effect, origin: 'user', nowMs: NOW, sharedSuffix: () => undefined });
  if (!parsed.ok) throw new Error(parsed.message);
  return letsPass(parsed.rules, held, NOW);
}

test.each([
  'POST a.example/v1 max-query=64',
  'a.example',
  '**.example',
  'POST a.example type=application/* max-body=1KB',
])('the request passes by %s', (text) => {
  expect(fits(text)).toBe(true);
});

test.each([
  'b.example',
  'GET a.example',
  'a.example/v2',
  'a.example max-query=0',
  'a.example:444',
  'http://a.example',
  'a.example type=text/*',
  'a.example expires=2026-11-20',
  'a.example:443 passthrough',
  'npm',
])('it does not pass by %s', (text) => {
  expect(fits(text)).toBe(false);
});

test('a WebSocket wants a rule that takes one, and a deny rule lets nothing pass', () => {
  expect(fits('GET a.example', { ...HELD, protocol: 'websocket', method: 'GET' })).toBe(false);
  expect(fits('GET a.example websocket', { ...HELD, protocol: 'websocket', method: 'GET' })).toBe(true);
  expect(fits('a.example', HELD, 'deny')).toBe(false);
});
