// Numbers of the kernel's interface on x86-64 that lists of calls are made of: from arch/x86/entry/syscalls/syscall_64.tbl and the
// headers below include/uapi.
export const CALLS = {
  ...{
    write: 1,
    open: 2,
    close: 3,
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
    exitGroup: 231,
    keyctl: 250,
  },
  ...{ prlimit64: 302, setns: 308, seccomp: 317, pidfdOpen: 434, closeRange: 436 },
} as const;

export const ERRORS = { ENOENT: 2, EACCES: 13, ENOTDIR: 20, ENOSYS: 38 } as const;

export const PTRACE = { detach: 17, seize: 0x4206, interrupt: 0x4207, getFilter: 0x420c } as const;

/** Of prctl. */
export const PROCESS = {
  ...{ deathSignal: 1, dumpable: 4, dropFromBound: 24, noNewPrivileges: 38, ambient: 47, ambientClearAll: 4 },
} as const;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWNET. */
export const NAMESPACES = 0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x4000_0000;

/** O_WRONLY | O_CLOEXEC. */
export const WRITE_ONLY = 0x8_0001;

/** KEYCTL_JOIN_SESSION_KEYRING. */
export const JOIN_KEYRING = 1;

/** SECCOMP_SET_MODE_FILTER. */
export const SET_FILTER = 1;

/** _LINUX_CAPABILITY_VERSION_3. */
export const CAPABILITY_VERSION = 0x2008_0522;
