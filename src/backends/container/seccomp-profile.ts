// The system-call filter of a container cage, in the format of the OCI engines: what is not named does not exist. Stricter
// than the engines' own profiles, see test/escape; the same surfaces are closed as in a native cage.
import { CLONE_NAMESPACES, NETLINK_ROUTE, PERSONALITIES, SOCKET_FAMILIES, TERMINAL_IOCTLS } from '../host/seccomp.ts';
import { ALLOWED_CALLS } from './system-calls.ts';

const EPERM = 1;
const ENOSYS = 38;
const EPROTONOSUPPORT = 93;
const NETLINK_AUDIT = 9;
const [SOCK_STREAM, SOCK_DGRAM, SOCK_TYPE_MASK] = [1, 2, 0xf] as const;

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' };

interface Condition {
  index: number;
  /** For a masked comparison the mask; `valueTwo` is then what is left. */
  value: number;
  valueTwo?: number;
  op: 'SCMP_CMP_EQ' | 'SCMP_CMP_MASKED_EQ';
}

interface CallRule {
  names: readonly string[];
  action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  /** All of them must hold. */
  args?: readonly Condition[];
  errnoRet?: number;
}

/** Of the OCI engines' JSON. */
interface SeccompProfile {
  defaultAction: 'SCMP_ACT_ERRNO';
  defaultErrnoRet: number;
  architectures: readonly string[];
  syscalls: readonly CallRule[];
}

/** Undefined for an architecture that is not known. */
export function createSeccompProfile(nodeArchitecture: string): SeccompProfile | undefined {
  const architecture = ARCHITECTURES[nodeArchitecture];
  if (architecture === undefined) return undefined;
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: [architecture],
    syscalls: callRules(),
  };
}

const equal = (index: number, value: number): Condition => ({ index, value, op: 'SCMP_CMP_EQ' });

const masked = (index: number, mask: number, bits: number): Condition => ({
  ...{ index, value: mask, valueTwo: bits },
  op: 'SCMP_CMP_MASKED_EQ',
});

const allow = (name: string, args: readonly Condition[]): CallRule => ({
  ...{ names: [name], args },
  action: 'SCMP_ACT_ALLOW',
});

function callRules(): CallRule[] {
  const { unix, inet, inet6, netlink } = SOCKET_FAMILIES;
  return [
    { names: ALLOWED_CALLS, action: 'SCMP_ACT_ALLOW' },
    // A child, a thread, never a namespace. clone3 hides its flags: without it every libc falls back to clone.
    allow('clone', [masked(0, CLONE_NAMESPACES, 0)]),
    {
      names: ['clone3', 'io_uring_setup', 'io_uring_enter', 'io_uring_register'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: ENOSYS,
    },
    allow('socket', [equal(0, unix)]),
    ...[inet, inet6].flatMap((family) =>
      // No raw ones.
      [SOCK_STREAM, SOCK_DGRAM].map((type) => allow('socket', [equal(0, family), masked(1, SOCK_TYPE_MASK, type)])),
    ),
    allow('socket', [equal(0, netlink), equal(2, NETLINK_ROUTE)]),
    // sudo goes on without the kernel's audit where there is none, and stops where it is refused.
    {
      ...allow('socket', [equal(0, netlink), equal(2, NETLINK_AUDIT)]),
      action: 'SCMP_ACT_ERRNO',
      errnoRet: EPROTONOSUPPORT,
    },
    allow('socketpair', [equal(0, unix)]),
    ...allBut(Object.values(TERMINAL_IOCTLS)).map(([mask, bits]) => allow('ioctl', [masked(1, mask, bits)])),
    ...PERSONALITIES.map((value) => allow('personality', [equal(0, value)])),
  ];
}

/**
 * Masks and bits that together cover every number of 32 bits except these: a profile has no «all but», and a comparison of
 * more than the low 32 bits, which are all that the kernel reads of an ioctl, could be got around.
 */
export function allBut(numbers: readonly number[], bit = 31, mask = 0, bits = 0): [mask: number, bits: number][] {
  if (numbers.length === 0) return [[mask, bits]];
  if (bit < 0) return [];
  const one = 2 ** bit;
  const isSet = (value: number): boolean => Math.floor(value / one) % 2 === 1;
  return [
    ...allBut(
      numbers.filter((value) => !isSet(value)),
      bit - 1,
      mask + one,
      bits,
    ),
    ...allBut(numbers.filter(isSet), bit - 1, mask + one, bits + one),
  ];
}
