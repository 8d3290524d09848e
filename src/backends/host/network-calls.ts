// The network of a cage in which nothing of the agent's runs yet, set up as listeners.sh and hold.sh do it and by calls of the kernel
// instead of five programs: `lo` is up, and every address is local, so that a connection to anywhere ends on a listener.
import { closeCalls, step, type Call, type Put } from './call-list.ts';
import { CALLS, DO_NOT_WAIT, ERRORS, ROUTE_SOCKET, ROUTING, WRITE_ONLY } from './kernel-numbers.ts';

const ANSWER_BYTES = 4096;

/** For somebody with every capability over the network, on the host otherwise. `first`: the lowest number of a file that is not open. */
export function networkCalls(put: Put, first: number): Call[] {
  const set = Buffer.concat([linkUp(), everyAddress(ROUTING.inet)]);
  const set6 = everyAddress(ROUTING.inet6);
  const missing = [ERRORS.ENOENT, ERRORS.EACCES, ERRORS.EROFS];
  return [
    step('opening a socket to the kernel', CALLS.socket, ROUTE_SOCKET, { most: first }),
    step('setting up lo', CALLS.sendto, [first, put(set), set.length, 0, 0, 0], { most: set.length }),
    // The kernel has done it when the call returns, and answers only what it refuses.
    step('setting up lo', CALLS.recvfrom, [first, put(Buffer.alloc(ANSWER_BYTES)), ANSWER_BYTES, DO_NOT_WAIT, 0, 0], {
      tolerated: [ERRORS.EAGAIN],
    }),
    // Engines without IPv6 switch it off; here it leads to nobody but the egress. A kernel without it has no such file.
    step('allowing IPv6', CALLS.open, [put('/proc/sys/net/ipv6/conf/lo/disable_ipv6'), WRITE_ONLY], {
      ...{ most: first + 1, tolerated: missing },
    }),
    step('allowing IPv6', CALLS.write, [first + 1, put('0'), 1], { most: 1, tolerated: [...missing, ERRORS.EBADF] }),
    step('setting up lo for IPv6', CALLS.sendto, [first, put(set6), set6.length, 0, 0, 0], { most: set6.length }),
    ...closeCalls(first, first + 1),
  ];
}

const HEAD_BYTES = 16;

/** Format: netlink(7), a head and what follows it. */
function message(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(HEAD_BYTES + body.length, 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE(flags, 6);
  return Buffer.concat([head, body]);
}

/** Format: rtnetlink(7), struct ifinfomsg. In a network that was just made `lo` is the first. */
function linkUp(): Buffer {
  const body = Buffer.alloc(16);
  body.writeInt32LE(ROUTING.firstInterface, 4);
  body.writeUInt32LE(ROUTING.interfaceUp, 8);
  body.writeUInt32LE(ROUTING.interfaceUp, 12);
  return message(ROUTING.newLink, ROUTING.request, body);
}

/** Format: rtnetlink(7), struct rtmsg and one attribute. As `ip route replace local ::/0 dev lo` says it. */
function everyAddress(family: number): Buffer {
  const scope = family === ROUTING.inet ? ROUTING.onHost : 0;
  const body = Buffer.alloc(20);
  body.set([family, 0, 0, 0, ROUTING.localTable, ROUTING.byBoot, scope, ROUTING.local]);
  body.writeUInt16LE(8, 12);
  body.writeUInt16LE(ROUTING.outgoing, 14);
  body.writeInt32LE(ROUTING.firstInterface, 16);
  return message(ROUTING.newRoute, ROUTING.request | ROUTING.replace | ROUTING.create, body);
}
