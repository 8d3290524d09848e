// The system-call filter of a cage, as the classic BPF program that bubblewrap loads from a file descriptor.
// A filter, not a sandbox by itself: it takes away the kernel surface that no build or agent needs and that escapes came
// through. Unknown architectures are killed. The egress gets the same with more taken away. Layout: struct seccomp_data and
// struct sock_filter of <linux/seccomp.h> and <linux/filter.h>.
import { ARCHITECTURES, type SystemCall } from './system-calls.ts';

const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_GREATER_EQUAL = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_ANY_BIT = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

const OFFSET_NUMBER = 0;
const OFFSET_ARCHITECTURE = 4;
/** Low 32 bits of argument `index` on a little-endian machine. The kernel truncates these arguments to int as well. */
const argumentOffset = (index: number): number => 16 + 8 * index;

const KILL_PROCESS = 0x80000000;
const ALLOW = 0x7fff0000;
const errno = (value: number): number => 0x00050000 | value;
const EPERM = errno(1);
const ENOSYS = errno(38);
const EAFNOSUPPORT = errno(97);

type Refusals = Readonly<Partial<Record<SystemCall, number>>>;

/** Calls refused whatever their arguments are, with what the caller sees. */
const REFUSED: Refusals = {
  // Namespaces, mounts, roots: the ways to widen what a process sees.
  setns: EPERM,
  unshare: EPERM,
  mount: EPERM,
  umount2: EPERM,
  pivot_root: EPERM,
  chroot: EPERM,
  open_tree: EPERM,
  move_mount: EPERM,
  fsopen: EPERM,
  fsconfig: EPERM,
  fsmount: EPERM,
  fspick: EPERM,
  mount_setattr: EPERM,
  open_tree_attr: EPERM,
  // clone3 hides its flags behind a pointer; ENOSYS makes every libc fall back to clone.
  clone3: ENOSYS,
  // File access by handle ignores the mount tree.
  open_by_handle_at: EPERM,
  name_to_handle_at: EPERM,
  // Kernel surfaces with a history of escapes.
  bpf: EPERM,
  perf_event_open: EPERM,
  userfaultfd: EPERM,
  io_uring_setup: ENOSYS,
  io_uring_enter: ENOSYS,
  io_uring_register: ENOSYS,
  keyctl: EPERM,
  add_key: EPERM,
  request_key: EPERM,
  // The machine itself.
  init_module: EPERM,
  finit_module: EPERM,
  delete_module: EPERM,
  kexec_load: EPERM,
  kexec_file_load: EPERM,
  reboot: EPERM,
  swapon: EPERM,
  swapoff: EPERM,
  acct: EPERM,
  quotactl: EPERM,
  quotactl_fd: EPERM,
  syslog: EPERM,
  settimeofday: EPERM,
  clock_settime: EPERM,
  clock_adjtime: EPERM,
  adjtimex: EPERM,
  sethostname: EPERM,
  setdomainname: EPERM,
  vhangup: EPERM,
  lookup_dcookie: EPERM,
  nfsservctl: EPERM,
  fanotify_init: EPERM,
  iopl: EPERM,
  ioperm: EPERM,
  modify_ldt: EPERM,
};

/** What the egress is refused besides: it starts nothing, looks into nobody, and only reads and writes files and sockets. */
const REFUSED_TO_EGRESS: Refusals = {
  ...REFUSED,
  // With clone for threads alone there is no second process. Its own start still needs execve, see egress-command.ts.
  fork: EPERM,
  vfork: EPERM,
  execveat: EPERM,
  ptrace: EPERM,
  process_vm_readv: EPERM,
  process_vm_writev: EPERM,
  process_madvise: EPERM,
  process_mrelease: EPERM,
  kcmp: EPERM,
  pidfd_open: EPERM,
  pidfd_getfd: EPERM,
  pidfd_send_signal: EPERM,
  // Memory and programs that its limit does not count or no directory shows.
  memfd_create: EPERM,
  memfd_secret: EPERM,
  shmget: EPERM,
  msgget: EPERM,
  semget: EPERM,
  mq_open: EPERM,
  // Whoever reads its record on the host must not be led elsewhere by it.
  mknod: EPERM,
  mknodat: EPERM,
  link: EPERM,
  linkat: EPERM,
  symlink: EPERM,
  symlinkat: EPERM,
  chown: EPERM,
  fchown: EPERM,
  lchown: EPERM,
  fchownat: EPERM,
  setxattr: EPERM,
  lsetxattr: EPERM,
  fsetxattr: EPERM,
  // Whom it runs as is settled before the filter is there.
  setuid: EPERM,
  setgid: EPERM,
  setreuid: EPERM,
  setregid: EPERM,
  setresuid: EPERM,
  setresgid: EPERM,
  setgroups: EPERM,
  setfsuid: EPERM,
  setfsgid: EPERM,
  capset: EPERM,
};

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (NEWTIME only exists in clone3 and unshare). */
export const CLONE_NAMESPACES =
  0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;

/** A thread of the calling process, and no process of its own. */
const CLONE_THREAD = 0x00010000;

/** Socket families a cage may have. All others (PACKET, ALG, VSOCK, BLUETOOTH, CAN, XDP, …) do not exist for it. */
export const SOCKET_FAMILIES = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;

/** NETLINK_ROUTE, read by getifaddrs; the other netlink protocols reach kernel subsystems no build needs. */
export const NETLINK_ROUTE = 0;

/** Low byte of the type argument of socket(2). */
const SOCK_RAW = 3;

/** ioctls that push characters into a terminal or read its screen. */
export const TERMINAL_IOCTLS = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c, TIOCCONS: 0x541d, TIOCSETD: 0x5423 } as const;

/** PER_LINUX, what `setarch -R` adds, and the query value: all else changes how addresses and calls are read. */
export const PERSONALITIES = [0, 0x0040000, 0xffffffff];

/** Whom the filter is for. */
export type Confined = 'cage' | 'egress';

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

/**
 * The filter for Node's name of an architecture (`x64`, `arm64`): 8 bytes per instruction, or undefined where the
 * architecture is not known and therefore no cage can be had.
 */
export function createSeccompFilter(nodeArchitecture: string, confined: Confined = 'cage'): Buffer | undefined {
  const architecture = ARCHITECTURES[nodeArchitecture];
  if (architecture === undefined) return undefined;
  const { numbers } = architecture;
  const program: Instruction[] = [
    [LOAD_WORD, 0, 0, OFFSET_ARCHITECTURE],
    [JUMP_EQUAL, 1, 0, architecture.audit],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD_WORD, 0, 0, OFFSET_NUMBER],
  ];
  if (architecture.foreignAbiFrom !== undefined) {
    program.push([JUMP_GREATER_EQUAL, 0, 1, architecture.foreignAbiFrom], [RETURN, 0, 0, ENOSYS]);
  }
  const refused: Readonly<Record<string, number>> = confined === 'egress' ? REFUSED_TO_EGRESS : REFUSED;
  for (const [name, number] of Object.entries(numbers)) {
    const answer = refused[name];
    if (answer !== undefined) program.push(...whenCall(number, [[RETURN, 0, 0, answer]]));
  }
  program.push(
    ...whenCall(numbers.clone, [
      [LOAD_WORD, 0, 0, argumentOffset(0)],
      [JUMP_ANY_BIT, 0, 1, CLONE_NAMESPACES],
      [RETURN, 0, 0, EPERM],
      ...(confined === 'egress' ? onlyThreads() : []),
      [RETURN, 0, 0, ALLOW],
    ]),
    ...whenCall(numbers.socket, [...onlySocketFamilies(), ...onlyPlainSockets(), [RETURN, 0, 0, ALLOW]]),
    ...whenCall(numbers.socketpair, [
      [LOAD_WORD, 0, 0, argumentOffset(0)],
      [JUMP_EQUAL, 1, 0, SOCKET_FAMILIES.unix],
      [RETURN, 0, 0, EAFNOSUPPORT],
      [RETURN, 0, 0, ALLOW],
    ]),
    ...whenCall(numbers.ioctl, [
      [LOAD_WORD, 0, 0, argumentOffset(1)],
      ...Object.values(TERMINAL_IOCTLS).flatMap((request): Instruction[] => [
        [JUMP_EQUAL, 0, 1, request],
        [RETURN, 0, 0, EPERM],
      ]),
      [RETURN, 0, 0, ALLOW],
    ]),
    ...whenCall(numbers.personality, [
      [LOAD_WORD, 0, 0, argumentOffset(0)],
      ...PERSONALITIES.flatMap((value): Instruction[] => [
        [JUMP_EQUAL, 0, 1, value],
        [RETURN, 0, 0, ALLOW],
      ]),
      [RETURN, 0, 0, EPERM],
    ]),
    [RETURN, 0, 0, ALLOW],
  );
  return assemble(program);
}

/** Entered with the flags of clone in the accumulator. */
function onlyThreads(): Instruction[] {
  return [
    [JUMP_ANY_BIT, 1, 0, CLONE_THREAD],
    [RETURN, 0, 0, EPERM],
  ];
}

/** `body` ends in a return on every path; other calls jump over it. The accumulator holds the number again afterwards. */
function whenCall(number: number | undefined, body: readonly Instruction[]): Instruction[] {
  if (number === undefined) return [];
  return [[JUMP_EQUAL, 0, body.length, number], ...body];
}

function onlySocketFamilies(): Instruction[] {
  const families = Object.values(SOCKET_FAMILIES);
  return [
    [LOAD_WORD, 0, 0, argumentOffset(0)],
    ...families.map((family, index): Instruction => [JUMP_EQUAL, families.length - index, 0, family]),
    [RETURN, 0, 0, EAFNOSUPPORT],
  ];
}

/** No raw sockets, and of netlink only the routing protocol. Entered with the family in the accumulator. */
function onlyPlainSockets(): Instruction[] {
  return [
    [JUMP_EQUAL, 0, 4, SOCKET_FAMILIES.netlink],
    [LOAD_WORD, 0, 0, argumentOffset(2)],
    [JUMP_EQUAL, 1, 0, NETLINK_ROUTE],
    [RETURN, 0, 0, EAFNOSUPPORT],
    [RETURN, 0, 0, ALLOW],
    [LOAD_WORD, 0, 0, argumentOffset(1)],
    // The type shares its word with SOCK_NONBLOCK and SOCK_CLOEXEC: every combination of raw is listed.
    ...[0, 0x800, 0x80000, 0x80800].flatMap((flags): Instruction[] => [
      [JUMP_EQUAL, 0, 1, SOCK_RAW | flags],
      [RETURN, 0, 0, EPERM],
    ]),
  ];
}

function assemble(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, jumpTrue, jumpFalse, operand], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    bytes.writeUInt32LE(operand >>> 0, index * 8 + 4);
  });
  return bytes;
}
