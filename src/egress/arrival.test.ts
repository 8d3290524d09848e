import { expect, test } from 'vitest';
import { arrivalOf } from './arrival.ts';
import { agreeOnAuthority } from './authority.ts';
import { createSyntheticNames } from './synthetic-names.ts';

const names = createSyntheticNames(() => false);
const address = names.addressOf('h.example');

test('a connection to a synthetic address claims its name, also in IPv6 form', () => {
  for (const local of [address, `::ffff:${address}`]) {
    const arrival = arrivalOf('tcp', { local: { address: local, port: 443 }, peer: undefined }, names);
    expect(arrival).toMatchObject({ port: 443, fallbackName: 'h.example' });
    expect(agreeOnAuthority('h.example', 'https', 443, arrival.claims).host).toBe('h.example');
    expect(() => agreeOnAuthority('other.example', 'https', 443, arrival.claims)).toThrow('the destination address');
  }
});

test('a synthetic address that was given to no name stands for nothing', () => {
  expect(arrivalOf('tcp', { local: { address: '198.18.200.1', port: 443 }, peer: undefined }, names)).toMatchObject({
    claims: [],
    fallbackName: undefined,
  });
});

test('any other address is a literal, and claims nothing against a name', () => {
  expect(arrivalOf('tcp', { local: { address: '192.0.2.1', port: 443 }, peer: undefined }, names)).toMatchObject({
    claims: [],
    fallbackName: '192.0.2.1',
  });
  expect(arrivalOf('tcp', { local: { address: '2001:db8::1', port: 443 }, peer: undefined }, names)).toMatchObject({
    claims: [],
    fallbackName: '2001:db8::1',
  });
});

test('a connection to the proxy goes nowhere by itself', () => {
  expect(arrivalOf('proxy', { local: { address: '127.0.0.1', port: 3128 }, peer: undefined }, names)).toMatchObject({
    port: undefined,
    claims: [],
    fallbackName: undefined,
  });
});
