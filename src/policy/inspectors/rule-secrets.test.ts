import { expect, test } from 'vitest';
import { contextOf, exchangeOf, ruleOf } from '../../../test/support/exchange.ts';
import { ruleSecrets } from './rule-secrets.ts';

const READ = `read-${'0123456789abcdef'.repeat(2)}`;
const WRITE = `write-${'fedcba9876543210'.repeat(2)}`;
const bindings = [
  { name: 'READ', hosts: ['a.example'], slots: [{ kind: 'bearer' }], placeholder: READ },
  { name: 'WRITE', hosts: ['a.example'], slots: [{ kind: 'bearer' }], placeholder: WRITE },
] as const;

test.each<[string, readonly string[] | undefined, string, boolean]>([
  ['a rule that lists none takes every secret', undefined, WRITE, false],
  ['a secret that is listed', ['READ'], READ, false],
  ['one that is not', ['READ'], WRITE, true],
  ['an empty list takes no secret', [], READ, true],
  ['both listed', ['READ', 'WRITE'], WRITE, false],
  ['no placeholder of ours', ['READ'], 'other', false],
])('%s', (_, secrets, token, isDenied) => {
  const matched = ruleOf(secrets === undefined ? {} : { secrets });
  const exchange = exchangeOf({ headers: [['authorization', `Bearer ${token}`]] });
  const finding = ruleSecrets.inspect(exchange, contextOf({ matched, bindings }));
  if (isDenied) expect(finding).toMatchObject({ action: 'deny', rule: '<rule-secrets>' });
  else expect(finding).toBeUndefined();
});

test('without a rule there is nothing to say: who let it pass decides', () => {
  const exchange = exchangeOf({ headers: [['authorization', `Bearer ${WRITE}`]] });
  expect(ruleSecrets.inspect(exchange, contextOf({ matched: undefined, bindings }))).toBeUndefined();
});
