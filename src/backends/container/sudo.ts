// What `--sudo` loosens, and no more: its user may become root of the container by set-uid programs of the image, with what
// package managers need of root and nothing of the network, of mounts, devices or other processes. Root inside is a number of
// the container's own on this machine, so that a file it leaves is nobody's here.
import type { CageIdentity } from '../backend.ts';

/** As many as numbers of 16 bits: nobody is 65534. */
const UIDS = 65_536;

/** CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID. */
export const SUDO_CAPABILITIES = 0xfbn;

/** All others that Linux has: an engine's own defaults count where nothing is said. */
const DROPPED = `
  AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE DAC_READ_SEARCH IPC_LOCK IPC_OWNER LEASE
  LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETPCAP
  SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME
  SYS_TTY_CONFIG WAKE_ALARM
`
  .trim()
  .split(/\s+/);

/** Where sudo reads who may do what, besides its own file. */
export const SUDOERS = '/etc/sudoers.d/ironcage';

/** Of `create`, in place of what every other container has. */
export function sudoArguments(rootUid: number, { insideUid, insideGid }: CageIdentity, home: string): string[] {
  const map = `0:${rootUid}:${UIDS}`;
  return [
    ...['--uidmap', map, '--gidmap', map],
    ...DROPPED.flatMap((name) => ['--cap-drop', name]),
    ...['--passwd-entry', `agent:*:${insideUid}:${insideGid}::${home}:/bin/sh`],
  ];
}

/** Variables stay: by them programs of root's find the egress and trust it. */
export function sudoersText({ insideUid }: CageIdentity): string {
  return `Defaults !env_reset\n#${insideUid} ALL=(ALL:ALL) NOPASSWD: ALL\n`;
}
