import { expect, test } from 'vitest';
import { parseAddress } from '../../policy/addresses.ts';
import { inodeOf } from './socket-owner.ts';

// As kernels of little-endian machines print it.
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0
   1: 2213B85D:01BB 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 222 1 0 20 4 30 10 -1
   2: 0100007F:9C40 2213B85D:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0 20 4 30 10 -1
   3: 0100007F:9C41 2213B85D:01BB 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000100007F:9C42 0000000000000000FFFF00002213B85D:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 444 1 0 20 4 30 10 -1
   1: 00000000000000000000000001000000:9C43 00000000000000000000000001000000:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 555 1 0 20 4 30 10 -1
`;

test.each([
  ['the client’s end, not the listener’s', TCP, '127.0.0.1', 0x9c40, '333'],
  ['an IPv4 end that is told as an IPv6 one', TCP, '::ffff:127.0.0.1', 0x9c40, '333'],
  ['an end by the address it has, not by its port alone', TCP, '93.184.19.34', 0x9c40, undefined],
  ['an IPv4 end of an IPv6 socket', TCP6, '127.0.0.1', 0x9c42, '444'],
  ['an IPv6 end', TCP6, '::1', 0x9c43, '555'],
  ['no end that nobody holds any more', TCP, '127.0.0.1', 0x9c41, undefined],
  ['no end of another port', TCP, '127.0.0.1', 1, undefined],
  ['no end in a table of nonsense', 'x\n\n: :\n', '127.0.0.1', 0x9c40, undefined],
])('finds %s', (_, table, address, port, inode) => {
  const bytes = parseAddress(address);
  if (bytes === undefined) throw new Error('the test names no address');
  expect(inodeOf(table, bytes, port)).toBe(inode);
});
