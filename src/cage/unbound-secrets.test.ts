import { expect, test } from 'vitest';
import type { Rule } from '../policy/types.ts';
import { refuseUnboundSecrets } from './unbound-secrets.ts';

const binding = { name: 'KEY', hosts: ['a.example'], slots: [], placeholder: 'ironcage-x', env: 'KEY' };
const rule = (host: string, secrets?: readonly string[]): Rule => ({
  ...{ id: `allow:${host}`, effect: 'allow', origin: 'user', host },
  ...(secrets !== undefined && { secrets }),
});

test('rules that name no secret, none, or one that is bound are taken', () => {
  expect(() =>
    refuseUnboundSecrets({ name: 'demo', secrets: [binding] }, [rule('a'), rule('b', []), rule('c', ['KEY'])]),
  ).not.toThrow();
  expect(() => refuseUnboundSecrets({ name: 'demo', secrets: [] }, [rule('a'), rule('b', [])])).not.toThrow();
});

test('every rule with a secret that is not bound is named, with what would bind it', () => {
  const rules = [rule('a.example', ['KEY', 'KYE']), rule('b.example', ['OTHER']), rule('c.example', ['KEY'])];
  expect(() => refuseUnboundSecrets({ name: 'demo', secrets: [binding] }, rules)).toThrow(
    expect.objectContaining({
      code: 'E_RULE',
      message:
        'allow a.example secrets=KEY,KYE: the cage demo has no secret KYE; allow b.example secrets=OTHER: the cage demo has no secret OTHER',
      because: expect.stringContaining('it has KEY'),
      hint: expect.stringContaining('--secret KYE --secret OTHER'),
    }),
  );
});
