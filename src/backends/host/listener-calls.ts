// The listeners of a cage, opened by calls of the kernel in whatever network the program is started in and handed to the Node that
// started it: what open-listeners.ts does, in a millisecond instead of the start of a Node. They go over that Node's own channel, in the
// form in which its own programs send them. Node does not document that form; a test holds it against what this Node writes.
import { pathExists } from '../../platform/files.ts';
import type { ListenerRequest } from '../backend.ts';
import { closeCalls, step, type Call, type Put } from './call-list.ts';
import { CALLS, SOCKETS } from './kernel-numbers.ts';
import type { StageMessage } from './stage-messages.ts';

/** Descriptor of Node's channel in what it starts. */
export const CHANNEL = 3;
/** Of the one listener that is open here at a time. */
const FREE = CHANNEL + 1;

/** -1, as an int. */
const FOREVER = 0xffff_ffff;

/** As many as Node lets wait. */
const BACKLOG = 511;

/** For somebody who may listen on ports below 1024 there. Nothing may be open beyond the channel but the list. */
export function listenerCalls(listeners: readonly ListenerRequest[], put: Put, hasIpv6 = kernelHasIpv6()): Call[] {
  const opened = Buffer.from(channelText({ type: 'opened' }));
  return [
    // The list's own file.
    ...closeCalls(FREE),
    ...listeners.flatMap((listener) => {
      const isTcp = listener.purpose !== 'dns-udp';
      return [
        ...openCalls(listener, { isTcp, family: isTcp && hasIpv6 ? SOCKETS.inet6 : SOCKETS.inet, put }),
        handOverCall(listener, put),
        // Our copy must not accept what the egress is to answer.
        step('letting go of a listener', CALLS.close, [FREE]),
      ];
    }),
    step('telling of the listeners', CALLS.sendto, [CHANNEL, put(opened), opened.length, SOCKETS.noSignal, 0, 0], {
      most: opened.length,
    }),
  ];
}

/**
 * Node loses what it has not read yet when it finds nobody to thank for a descriptor: to stay until it lets go of the channel. Format:
 * poll(2), struct pollfd that asks for nothing, and so waits for the end alone. A reading of all would end early by a stop (Ctrl-Z).
 */
export function untilLetGo(put: Put): Call {
  return step('waiting', CALLS.poll, [put(numbers(CHANNEL, 0)), 1, FOREVER], { most: 1 });
}

/** One that was built or started without it has no such table. */
function kernelHasIpv6(): boolean {
  return pathExists('/proc/net/if_inet6');
}

/** As open-sockets.ts opens them: streams on both families at once, datagrams on IPv4. */
function openCalls(
  { purpose, port }: ListenerRequest,
  { isTcp, family, put }: { isTcp: boolean; family: number; put: Put },
): Call[] {
  const open = (call: number, args: Call['args'], most = 0): Call =>
    step(`opening port ${port} (${purpose})`, call, args, { most });
  const set = (level: number, option: number, value: number): Call =>
    open(CALLS.setsockopt, [FREE, level, option, put(numbers(value)), 4]);
  const address = anyAddress(family, port);
  return [
    open(CALLS.socket, [family, (isTcp ? SOCKETS.stream : SOCKETS.datagram) | SOCKETS.flags, 0], FREE),
    ...(isTcp ? [set(SOCKETS.levelSocket, SOCKETS.reuseAddress, 1)] : []),
    ...(family === SOCKETS.inet6 ? [set(SOCKETS.levelIpv6, SOCKETS.ipv6Only, 0)] : []),
    open(CALLS.bind, [FREE, put(address), address.length]),
    ...(isTcp ? [open(CALLS.listen, [FREE, BACKLOG])] : []),
  ];
}

/** Format: ipv6(7), struct sockaddr_in6; ip(7), struct sockaddr_in. */
function anyAddress(family: number, port: number): Buffer {
  const address = Buffer.alloc(family === SOCKETS.inet6 ? 28 : 16);
  address.writeUInt16LE(family, 0);
  address.writeUInt16BE(port, 2);
  return address;
}

/** Format: sendmsg(2), struct msghdr with one piece of text; unix(7), one descriptor. */
function handOverCall(listener: ListenerRequest, put: Put): Call {
  const text = Buffer.from(handOverText(listener));
  const piece = put(words(put(text), text.length));
  const control = Buffer.concat([words(20), numbers(SOCKETS.levelSocket, SOCKETS.rights, FREE, 0)]);
  const head = words(0, 0, piece, 1, put(control), control.length, 0);
  return step('handing a listener over', CALLS.sendmsg, [CHANNEL, put(head), SOCKETS.noSignal], { most: text.length });
}

/** What Node writes beside a descriptor that it hands over. */
export function handOverText({ purpose, port }: ListenerRequest): string {
  const msg: StageMessage = { type: 'listener', purpose, port };
  return purpose === 'dns-udp'
    ? channelText({ cmd: 'NODE_HANDLE', type: 'dgram.Socket', msg, dgramType: 'udp4' })
    : channelText({ cmd: 'NODE_HANDLE', type: 'net.Server', msg });
}

function channelText(message: object): string {
  return `${JSON.stringify(message)}\n`;
}

/** Of 64 bits each. */
function words(...values: readonly number[]): Buffer {
  return numbers(...values.flatMap((value) => [value, 0]));
}

/** Of 32 bits each, as x86-64 has them. */
function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
}
