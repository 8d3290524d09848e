import { expect, test } from 'vitest';
import { identifyProcess } from '../../platform/processes.ts';
import { deviceNames, listeningInodes, networkFault } from './cage-network.ts';

test('devices are read from the kernel’s table by name', () => {
  const table = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets',
    '    lo:     100       2    0    0    0     0          0         0      100       2',
    'eth0.7@x: 1 2',
    '',
  ];
  expect(deviceNames(table.join('\n'))).toEqual(['lo', 'eth0.7@x']);
});

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0
   1: 0100007F:01BB 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0
   2: 0100007F:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0
   3: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4714 1 0
`;

test('every socket that takes in what comes to a port is found, and no connection', () => {
  expect(listeningInodes(TABLE, 'tcp', 443)).toEqual(['4711', '4713']);
  expect(listeningInodes(TABLE, 'udp', 53)).toEqual(['4714']);
  expect(listeningInodes(TABLE, 'tcp', 80)).toEqual([]);
});

test('what has the network of this machine, or cannot be looked at, is no cage', async () => {
  const expected = { egress: undefined, devices: [], listeners: [] };
  const self = identifyProcess(process.pid) ?? { pid: 0, startTicks: '' };
  expect(await networkFault({ ...expected, init: self })).toBe('it has the network of this machine');
  expect(await networkFault({ ...expected, init: { pid: 2 ** 30, startTicks: '1' } })).toBe('it cannot be looked at');
});
