// Numbers of the system calls that the filters speak of, for each architecture that is known: from
// arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h. Undefined: the architecture lacks the call.

export interface Architecture {
  /** AUDIT_ARCH_* of <linux/audit.h>. */
  audit: number;
  /** Numbers from here on belong to another ABI (x32) and are refused. */
  foreignAbiFrom: number | undefined;
  numbers: Readonly<Record<SystemCall, number | undefined>>;
}

export type SystemCall = keyof (typeof X86_64)['numbers'];

const X86_64 = {
  audit: 0xc000003e,
  foreignAbiFrom: 0x40000000,
  numbers: {
    ...{ setns: 308, unshare: 272, mount: 165, umount2: 166, pivot_root: 155, chroot: 161, open_tree: 428 },
    ...{ move_mount: 429, fsopen: 430, fsconfig: 431, fsmount: 432, fspick: 433, mount_setattr: 442 },
    ...{ open_tree_attr: 467, clone3: 435, open_by_handle_at: 304, name_to_handle_at: 303, bpf: 321 },
    ...{ perf_event_open: 298, userfaultfd: 323, io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427 },
    ...{ keyctl: 250, add_key: 248, request_key: 249, init_module: 175, finit_module: 313, delete_module: 176 },
    ...{ kexec_load: 246, kexec_file_load: 320, reboot: 169, swapon: 167, swapoff: 168, acct: 163, quotactl: 179 },
    ...{ quotactl_fd: 443, syslog: 103, settimeofday: 164, clock_settime: 227, clock_adjtime: 305, adjtimex: 159 },
    ...{ sethostname: 170, setdomainname: 171, vhangup: 153, lookup_dcookie: 212, nfsservctl: 180 },
    ...{ fanotify_init: 300, iopl: 172, ioperm: 173, modify_ldt: 154, clone: 56, socket: 41, socketpair: 53 },
    ...{ ioctl: 16, personality: 135 },
    ...{ fork: 57, vfork: 58, execveat: 322, ptrace: 101, process_vm_readv: 310, process_vm_writev: 311, kcmp: 312 },
    ...{ process_madvise: 440, process_mrelease: 448, pidfd_open: 434, pidfd_getfd: 438, pidfd_send_signal: 424 },
    ...{ memfd_create: 319, memfd_secret: 447, shmget: 29, msgget: 68, semget: 64, mq_open: 240, mknod: 133 },
    ...{ mknodat: 259, link: 86, linkat: 265, symlink: 88, symlinkat: 266, chown: 92, fchown: 93, lchown: 94 },
    ...{ fchownat: 260, setxattr: 188, lsetxattr: 189, fsetxattr: 190, setuid: 105, setgid: 106, setreuid: 113 },
    ...{ setregid: 114, setresuid: 117, setresgid: 119, setgroups: 116, setfsuid: 122, setfsgid: 123, capset: 126 },
  },
} as const;

const AARCH64: Architecture = {
  audit: 0xc00000b7,
  foreignAbiFrom: undefined,
  numbers: {
    ...{ setns: 268, unshare: 97, mount: 40, umount2: 39, pivot_root: 41, chroot: 51, open_tree: 428 },
    ...{ move_mount: 429, fsopen: 430, fsconfig: 431, fsmount: 432, fspick: 433, mount_setattr: 442 },
    ...{ open_tree_attr: 467, clone3: 435, open_by_handle_at: 265, name_to_handle_at: 264, bpf: 280 },
    ...{ perf_event_open: 241, userfaultfd: 282, io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427 },
    ...{ keyctl: 219, add_key: 217, request_key: 218, init_module: 105, finit_module: 273, delete_module: 106 },
    ...{ kexec_load: 104, kexec_file_load: 294, reboot: 142, swapon: 224, swapoff: 225, acct: 89, quotactl: 60 },
    ...{ quotactl_fd: 443, syslog: 116, settimeofday: 170, clock_settime: 112, clock_adjtime: 266, adjtimex: 171 },
    ...{ sethostname: 161, setdomainname: 162, vhangup: 58, lookup_dcookie: 18, nfsservctl: 42 },
    ...{ fanotify_init: 262, iopl: undefined, ioperm: undefined, modify_ldt: undefined, clone: 220, socket: 198 },
    ...{ socketpair: 199, ioctl: 29, personality: 92 },
    ...{ fork: undefined, vfork: undefined, execveat: 281, ptrace: 117, process_vm_readv: 270, process_vm_writev: 271 },
    ...{ kcmp: 272, process_madvise: 440, process_mrelease: 448, pidfd_open: 434, pidfd_getfd: 438 },
    ...{ pidfd_send_signal: 424, memfd_create: 279, memfd_secret: 447, shmget: 194, msgget: 186, semget: 190 },
    ...{ mq_open: 180, mknod: undefined, mknodat: 33, link: undefined, linkat: 37, symlink: undefined, symlinkat: 36 },
    ...{ chown: undefined, fchown: 55, lchown: undefined, fchownat: 54, setxattr: 5, lsetxattr: 6, fsetxattr: 7 },
    ...{ setuid: 146, setgid: 144, setreuid: 145, setregid: 143, setresuid: 147, setresgid: 149, setgroups: 159 },
    ...{ setfsuid: 151, setfsgid: 152, capset: 91 },
  },
};

export const ARCHITECTURES: Readonly<Record<string, Architecture>> = { x64: X86_64, arm64: AARCH64 };
