// Numbers of the kernel's interface on x86-64 that lists of calls are made of: from arch/x86/entry/syscalls/syscall_64.tbl and the
// headers below include/uapi.
export const CALLS = {
  ...{
    write: 1,
    open: 2,
    close: 3,
    poll: 7,
    socket: 41,
    sendto: 44,
    recvfrom: 45,
    sendmsg: 46,
    bind: 49,
    listen: 50,
    setsockopt: 54,
    execve: 59,
    wait4: 61,
    chdir: 80,
    unlink: 87,
    umask: 95,
    ptrace: 101,
    getppid: 110,
  },
  ...{
    setsid: 112,
    setgroups: 116,
    setresuid: 117,
    setresgid: 119,
    capset: 126,
    prctl: 157,
    mount: 165,
    exitGroup: 231,
    keyctl: 250,
  },
  ...{ prlimit64: 302, setns: 308, seccomp: 317, pidfdOpen: 434, closeRange: 436 },
} as const;

export const ERRORS = { ENOENT: 2, EBADF: 9, EAGAIN: 11, EACCES: 13, ENOTDIR: 20, EROFS: 30, ENOSYS: 38 } as const;

export const PTRACE = { detach: 17, seize: 0x4206, interrupt: 0x4207, getFilter: 0x420c } as const;

/** Of prctl. */
export const PROCESS = {
  ...{ deathSignal: 1, dumpable: 4, dropFromBound: 24, noNewPrivileges: 38, ambient: 47, ambientClearAll: 4 },
} as const;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWNET. */
export const NAMESPACES = 0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x4000_0000;

/** CLONE_NEWNS. */
export const MOUNT_NAMESPACE = 0x0002_0000;

/** MS_REMOUNT | MS_BIND: the options of one mount. */
export const REMOUNT = 0x20 | 0x1000;

/** Options of a mount as /proc/PID/mountinfo has them: MS_RDONLY and the like. What none is said of stays. */
export const MOUNT_OPTIONS: Readonly<Record<string, number>> = {
  ...{ rw: 0, ro: 0x1, nosuid: 0x2, nodev: 0x4, noexec: 0x8, nosymfollow: 0x100, noatime: 0x400, nodiratime: 0x800 },
  // Of a mount whose users are mapped: it cannot be taken away.
  ...{ relatime: 0x20_0000, idmapped: 0 },
};

/** O_WRONLY | O_CLOEXEC. */
export const WRITE_ONLY = 0x8_0001;

/** KEYCTL_JOIN_SESSION_KEYRING. */
export const JOIN_KEYRING = 1;

/** SECCOMP_SET_MODE_FILTER. */
export const SET_FILTER = 1;

/** _LINUX_CAPABILITY_VERSION_3. */
export const CAPABILITY_VERSION = 0x2008_0522;

/** AF_NETLINK; SOCK_RAW | SOCK_CLOEXEC; NETLINK_ROUTE. */
export const ROUTE_SOCKET = [16, 0x8_0003, 0] as const;

/** MSG_DONTWAIT. */
export const DO_NOT_WAIT = 0x40;

/** From linux/socket.h, asm-generic/socket.h and linux/in6.h; `flags`: SOCK_NONBLOCK | SOCK_CLOEXEC, as Node has all of its own. */
export const SOCKETS = {
  ...{ inet: 2, inet6: 10, stream: 1, datagram: 2, flags: 0x8_0800, noSignal: 0x4000 },
  ...{ levelSocket: 1, reuseAddress: 2, rights: 1, levelIpv6: 41, ipv6Only: 26 },
} as const;

/** From linux/netlink.h, linux/rtnetlink.h and linux/if.h. */
export const ROUTING = {
  ...{ newLink: 16, newRoute: 24, request: 0x1, replace: 0x100, create: 0x400 },
  ...{ interfaceUp: 0x1, firstInterface: 1, outgoing: 4 },
  ...{ inet: 2, inet6: 10, localTable: 255, byBoot: 3, onHost: 254, local: 2 },
} as const;
