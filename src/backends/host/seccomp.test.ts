import { expect, test } from 'vitest';
import { createSeccompFilter } from './seccomp.ts';

// A small interpreter of classic BPF as the kernel runs it over struct seccomp_data: what the filter answers is asked of
// the bytes, not of the code that made them. test/escape asks the kernel itself.
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const refused = (errno: number): number => 0x00050000 | errno;

interface Call {
  number: number;
  audit?: number;
  args?: readonly number[];
}

function answer(filter: Buffer, { number, audit = 0xc000003e, args = [] }: Call): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(audit, 4);
  args.forEach((value, index) => data.writeBigUInt64LE(BigInt(value), 16 + 8 * index));
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at += 1) {
    const code = filter.readUInt16LE(at * 8);
    const jumpTrue = filter.readUInt8(at * 8 + 2);
    const jumpFalse = filter.readUInt8(at * 8 + 3);
    const operand = filter.readUInt32LE(at * 8 + 4);
    if (code === 0x20) accumulator = data.readUInt32LE(operand);
    else if (code === 0x06) return operand;
    else if (code === 0x15) at += accumulator === operand ? jumpTrue : jumpFalse;
    else if (code === 0x35) at += accumulator >= operand ? jumpTrue : jumpFalse;
    else if (code === 0x45) at += (accumulator & operand) !== 0 ? jumpTrue : jumpFalse;
    else throw new Error(`instruction ${at} has the unknown code ${code}`);
  }
  throw new Error('the program ran off its end');
}

function filterFor(architecture: string): Buffer {
  const filter = createSeccompFilter(architecture);
  if (filter === undefined) throw new Error(`no filter for ${architecture}`);
  return filter;
}

const filter = filterFor('x64');

test.each([
  ['read', { number: 0 }],
  ['execve', { number: 59 }],
  ['ptrace of a child', { number: 101 }],
  ['clone for a thread', { number: 56, args: [0x3d0f00] }],
  ['clone for a child', { number: 56, args: [0x1200011] }],
  ['a TCP socket', { number: 41, args: [2, 1 | 0x80000, 0] }],
  ['an IPv6 socket', { number: 41, args: [10, 2, 0] }],
  ['a unix socket', { number: 41, args: [1, 1, 0] }],
  ['a routing netlink socket', { number: 41, args: [16, 3, 0] }],
  ['a socket pair', { number: 53, args: [1, 1, 0] }],
  ['a terminal’s size', { number: 16, args: [1, 0x5413] }],
  ['the personality’s query', { number: 135, args: [0xffffffff] }],
] satisfies [string, Call][])('%s is allowed', (_what, call) => {
  expect(answer(filter, call)).toBe(ALLOW);
});

test.each([
  ['unshare', { number: 272, args: [0x10000000] }, 1],
  ['setns', { number: 308 }, 1],
  ['mount', { number: 165 }, 1],
  ['clone3', { number: 435 }, 38],
  ['clone of a user namespace', { number: 56, args: [0x10000011] }, 1],
  ['clone of a network namespace among other flags', { number: 56, args: [0x40000000 | 0x3d0f00] }, 1],
  ['io_uring', { number: 425 }, 38],
  ['bpf', { number: 321 }, 1],
  ['keyctl', { number: 250 }, 1],
  ['perf_event_open', { number: 298 }, 1],
  ['userfaultfd', { number: 323 }, 1],
  ['open_by_handle_at', { number: 304 }, 1],
  ['a packet socket', { number: 41, args: [17, 3, 0] }, 97],
  ['a crypto socket', { number: 41, args: [38, 5, 0] }, 97],
  ['a VM socket', { number: 41, args: [40, 1, 0] }, 97],
  ['a raw socket', { number: 41, args: [2, 3, 1] }, 1],
  ['a raw socket with flags', { number: 41, args: [2, 3 | 0x80800, 1] }, 1],
  ['a netfilter netlink socket', { number: 41, args: [16, 3, 12] }, 97],
  ['a socket pair of another family', { number: 53, args: [40, 1, 0] }, 97],
  ['TIOCSTI', { number: 16, args: [0, 0x5412] }, 1],
  ['TIOCSTI with high bits set', { number: 16, args: [0, 0x1_0000_5412] }, 1],
  ['TIOCLINUX', { number: 16, args: [0, 0x541c] }, 1],
  ['another personality', { number: 135, args: [0x0400000] }, 1],
  ['a call of the x32 ABI', { number: 0x40000000 }, 38],
] satisfies [string, Call, number][])('%s is refused', (_what, call, errno) => {
  expect(answer(filter, call)).toBe(refused(errno));
});

test('a call of a foreign architecture kills', () => {
  expect(answer(filter, { number: 0, audit: 0x40000003 })).toBe(KILL);
});

test('arm64 has the same rules under its own numbers', () => {
  const arm = filterFor('arm64');
  const audit = 0xc00000b7;
  expect(answer(arm, { audit, number: 63 })).toBe(ALLOW);
  expect(answer(arm, { audit, number: 198, args: [2, 1, 0] })).toBe(ALLOW);
  expect(answer(arm, { audit, number: 198, args: [17, 3, 0] })).toBe(refused(97));
  expect(answer(arm, { audit, number: 97, args: [0x10000000] })).toBe(refused(1));
  expect(answer(arm, { audit, number: 29, args: [0, 0x5412] })).toBe(refused(1));
  expect(answer(arm, { number: 63 })).toBe(KILL);
});

test('an architecture that is not known has no filter, and so no cage', () => {
  expect(createSeccompFilter('riscv64')).toBeUndefined();
});
