import { endianness } from 'node:os';
import { expect, test } from 'vitest';
import { blocksOf4, blocksOf6 } from './neighbours.ts';

test.runIf(endianness() === 'LE')('of IPv4 what is reached without a gateway is on the wire', () => {
  const table = `Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 010011AC 0003 0 0 0 00000000 0 0 0
eth0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0
`;
  expect(blocksOf4(table)).toEqual(['172.17.0.0/16']);
});

test('of IPv6 too, where it is global', () => {
  const zero = '0'.repeat(32);
  const lines = [
    `20010db8000100000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001 eth0`,
    `fe800000000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001 eth0`,
    `${zero} 00 ${zero} 00 20010db8000100000000000000000001 00000400 00000001 00000000 00000003 eth0`,
  ];
  expect(blocksOf6(`${lines.join('\n')}\n`)).toEqual(['2001:db8:1::/64']);
});
