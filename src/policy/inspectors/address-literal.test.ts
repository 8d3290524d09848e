import { expect, test } from 'vitest';
import { contextOf, exchangeOf, ruleOf } from '../../../test/support/exchange.ts';
import { addressLiteral } from './address-literal.ts';

const listing = (...hosts: string[]) =>
  contextOf({ policy: { mode: 'filtered', rules: hosts.map((host) => ruleOf({ id: host, host })) } });

test.each([
  ['a name', 'a.example', undefined],
  ['an address that a rule lists', '192.0.2.1', undefined],
  ['another address', '192.0.2.2', '<address>'],
  ['an address under a wildcard only', '198.51.100.7', '<address>'],
  ['a metadata service, listed or not', '169.254.169.254', '<metadata>'],
  ['the same in IPv6', '::ffff:169.254.169.254', '<metadata>'],
  ['a host in capitals', 'A.example', '<authority>'],
  ['an address in another spelling', '0300.0.2.1', '<authority>'],
])('%s: %s', (_, host, rule) => {
  const context = listing('192.0.2.1', '**.example', '169.254.169.254', '::ffff:169.254.169.254');
  const finding = addressLiteral.inspect(exchangeOf({ host }), context);
  if (rule === undefined) expect(finding).toBeUndefined();
  else expect(finding).toMatchObject({ action: 'deny' });
  if (rule !== undefined && host !== '::ffff:169.254.169.254') expect(finding).toMatchObject({ rule });
});

test('a deny rule lists no address for use', () => {
  const policy = { mode: 'filtered', rules: [ruleOf({ effect: 'deny', host: '192.0.2.1' })] } as const;
  expect(addressLiteral.inspect(exchangeOf({ host: '192.0.2.1' }), contextOf({ policy }))).toMatchObject({
    rule: '<address>',
  });
});
