import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { allBut, createSeccompProfile } from './seccomp-profile.ts';

const profile = createSeccompProfile('x64');
const allowedFreely = (profile?.syscalls ?? []).flatMap(({ names, action, args }) =>
  action === 'SCMP_ACT_ALLOW' && args === undefined ? names : [],
);

test('what is not named is refused', () => {
  expect(profile?.defaultAction).toBe('SCMP_ACT_ERRNO');
});

test.each([
  ...[
    'unshare',
    'setns',
    'mount',
    'umount2',
    'pivot_root',
    'chroot',
    'clone3',
    'bpf',
    'perf_event_open',
    'userfaultfd',
  ],
  ...['io_uring_setup', 'keyctl', 'add_key', 'request_key', 'init_module', 'kexec_load', 'open_by_handle_at', 'socket'],
  ...['ioctl', 'clone', 'personality', 'fsopen', 'move_mount', 'open_tree', 'fanotify_init', 'swapon', 'reboot'],
])('%s is not allowed for every argument', (name) => {
  expect(allowedFreely).not.toContain(name);
});

test.each(['execve', 'read', 'mmap', 'futex', 'epoll_wait', 'prctl', 'landlock_create_ruleset', 'ptrace'])(
  '%s is allowed',
  (name) => {
    expect(allowedFreely).toContain(name);
  },
);

test('there is no profile for an architecture that is not known', () => {
  expect(createSeccompProfile('mips')).toBeUndefined();
});

const FORBIDDEN = [0x5412, 0x541c, 0x541d, 0x5423];
const matches = (value: number): boolean =>
  allBut(FORBIDDEN).some(([mask, bits]) => (BigInt(value) & BigInt(mask)) === BigInt(bits));

test('all but some numbers: none of those, whatever stands above 32 bits, and every other', () => {
  for (const value of FORBIDDEN) {
    expect(matches(value)).toBe(false);
    expect(matches(value + 2 ** 32)).toBe(false);
    expect(matches(value + 1) || FORBIDDEN.includes(value + 1)).toBe(true);
  }
  assert(
    property(integer({ min: 0, max: 2 ** 32 - 1 }), (value) => matches(value) === !FORBIDDEN.includes(value)),
    { numRuns: 10_000 },
  );
});
