// The walls: files, processes, and the kernel surface that a cage has no use for. Beside each stands what must work.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import { command, NOT_TRIED, outcomeOf, refused, worked } from './probe-kit.mjs';

const commandsRun = { attempt: () => command('true'), passes: worked };
const status = (name) =>
  new RegExp(`^${name}:\\t(.*)$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 'missing';
const listing = (path) => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};
/** Refused, and not because the tool is not there: where it is absent, nothing is reported. */
const tool = (id, expected, program, ...args) => ({
  id,
  expected,
  attempt: () => {
    const outcome = command(program, ...args);
    return outcome === 'refused: ENOENT' ? NOT_TRIED : outcome;
  },
  passes: refused,
  control: commandsRun,
});

const isDevice = (path) => path === '/dev' || path.startsWith('/dev/');
const mounts = () =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, , , , path, options]) => ({ path, options: options.split(',') }))
    // What another mount covers is out of reach.
    .filter(({ path }) => existsSync(path));

const READ_ONLY = [
  '/usr/ironcage-probe',
  '/ironcage-probe',
  '/etc/ironcage-probe',
  '/opt/ironcage-probe',
  '/ironcage/ironcage-probe',
  '/run/../usr/bin/ironcage-probe',
];
const KERNEL_SETTINGS = [
  '/proc/sys/kernel/core_pattern',
  '/proc/sys/kernel/hostname',
  '/proc/sys/kernel/randomize_va_space',
  '/proc/sys/net/ipv4/ip_forward',
  '/proc/sys/user/max_user_namespaces',
  '/proc/sysrq-trigger',
  '/proc/self/oom_score_adj',
];
const NAMESPACES = ['user', 'net', 'mount', 'pid', 'uts', 'ipc', 'cgroup', 'time'];
/** Those that gVisor's kernel gives to anybody, or pretends to. */
const GVISOR_NAMESPACES = ['user', 'cgroup', 'time'];
const SECRETS_OF_ETC = ['/etc/shadow', '/etc/gshadow', '/etc/sudoers', '/etc/ssh/ssh_host_ed25519_key'];

/** What is there already, or what does nothing: should it work after all, nothing is lost. */
function harmless(path) {
  if (path === '/proc/sysrq-trigger') return 'h';
  return path.endsWith('oom_score_adj') ? '-1000' : readFileSync(path);
}

/** Names of files that gVisor has of its own, which lead to nothing of this machine. */
const GVISOR_DEVICES = ['fuse'];

const noNewPrivileges = {
  id: 'no-new-privileges',
  quick: true,
  expected: 'no_new_privs is set',
  attempt: () => status('NoNewPrivs'),
  passes: /^1$/,
};

/** What this machine's kernel is asked to keep from a cage; a kernel of the cage's own has none of it. */
const byThisKernel = (sudo) => [
  ...(sudo ? [] : [noNewPrivileges]),
  {
    id: 'filter',
    quick: true,
    expected: 'a system-call filter is loaded',
    attempt: () => status('Seccomp'),
    passes: /^2$/,
  },
  {
    id: 'no-setuid',
    expected: 'no file of any mount gives its owner’s rights to who starts it, and no device is made by being unpacked',
    attempt: () =>
      mounts()
        .filter(({ path }) => !(sudo && path === '/'))
        .filter(({ path, options }) => !options.includes('nosuid') || !(options.includes('nodev') || isDevice(path)))
        .map(({ path }) => path)
        .join(',') || 'none',
    passes: /^none$/,
    control: { attempt: () => mounts().some(({ path }) => path === '/proc'), passes: /^true$/ },
  },
  {
    id: 'system-information',
    expected: '/sys is empty, and there is no control group to write',
    attempt: () => [...listing('/sys'), ...listing('/sys/fs/cgroup')].join(',') || 'empty',
    passes: /^empty$/,
    control: { attempt: () => existsSync('/proc/self'), passes: /^true$/ },
  },
];

const AS_ROOT = ['unshare', '--user', '--map-root-user', '--mount'];

/** What stands in their place where the kernel is gVisor's: namespaces of its own, which give nothing over the network. */
const byGvisor = (hostRelease) => [
  {
    id: 'own-kernel',
    quick: true,
    expected: 'the kernel is not that of this machine',
    attempt: () => os.release() === hostRelease,
    passes: /^false$/,
  },
  tool(
    'no-route-as-root',
    'who is root in a namespace has no route to change',
    ...AS_ROOT,
    'ip',
    'route',
    'flush',
    'all',
  ),
  tool('no-device-as-root', 'nor an interface', ...AS_ROOT, 'ip', 'link', 'add', 'p', 'type', 'dummy'),
  tool(
    'no-network-as-root',
    'nor a network of its own',
    ...AS_ROOT,
    'unshare',
    '--net',
    'ip',
    'link',
    'add',
    'p',
    'type',
    'dummy',
  ),
  tool('no-disk-as-root', 'nor a device', ...AS_ROOT, 'mknod', '/tmp/ironcage-probe-device', 'b', '8', '0'),
];

export default function sandbox({ hostHome, homeEntries, dataRoot, isContainer, gvisor, sudo }) {
  const isGvisor = gvisor !== undefined;
  // gVisor tells of no ambient capabilities.
  // Where sudo was asked for, what it may gain is bounded by another set; by itself it has nothing either.
  const capabilities = ['CapInh', 'CapPrm', 'CapEff', ...(sudo ? [] : ['CapBnd']), ...(isGvisor ? [] : ['CapAmb'])];
  const firstProgram = isContainer ? /^\/ironcage\/hold$/ : /bwrap$/;
  return [
    {
      id: 'project-writable',
      quick: true,
      expected: 'control: the project’s copy can be written',
      attempt: () =>
        outcomeOf(() => {
          writeFileSync('.ironcage-probe', 'x');
          rmSync('.ironcage-probe');
          return 'written and removed';
        }),
      passes: worked,
    },
    {
      id: 'system-readable',
      quick: true,
      expected: 'control: /usr can be read',
      attempt: () => outcomeOf(() => readdirSync('/usr/bin').length),
      passes: worked,
    },
    ...READ_ONLY.map((path) => ({
      id: `read-only${path.replace('/ironcage-probe', '').replaceAll('/', '-') || '-root'}`,
      quick: path === '/usr/ironcage-probe' || path === '/ironcage-probe',
      expected: 'it cannot be written',
      attempt: () => outcomeOf(() => writeFileSync(path, 'x')),
      passes: refused,
      control: {
        attempt: () =>
          outcomeOf(() => {
            writeFileSync('/tmp/.ironcage-probe', 'x');
            rmSync('/tmp/.ironcage-probe');
          }),
        passes: worked,
      },
    })),
    ...SECRETS_OF_ETC.map((path) => ({
      id: `hidden${path.replaceAll('/', '-')}`,
      quick: path === '/etc/shadow',
      expected: 'it cannot be read, or is empty',
      attempt: () =>
        outcomeOf(() => {
          if (readFileSync(path, 'utf8') === '') throw new Error('empty');
          return 'read';
        }),
      passes: refused,
      control: { attempt: () => readFileSync('/etc/passwd', 'utf8').length, passes: /^[1-9]/ },
    })),
    {
      id: 'home-of-the-host',
      quick: true,
      expected: 'nothing of the host’s home is there',
      attempt: () =>
        (hostHome ? listing(hostHome) : []).filter((name) => !homeEntries.includes(name)).join(',') || 'nothing',
      passes: /^nothing$/,
      control: { attempt: () => readdirSync(process.env.HOME).length >= 0, passes: /^true$/ },
    },
    {
      id: 'data-root',
      quick: true,
      expected: 'ironcage’s own data is not there',
      attempt: () => existsSync(dataRoot),
      passes: /^false$/,
      // An open cage has no authority, but a directory for one.
      control: { attempt: () => existsSync('/ironcage'), passes: /^true$/ },
    },
    {
      id: 'not-root',
      quick: true,
      expected: 'the user inside is not root',
      attempt: () => os.userInfo().uid,
      passes: /^[1-9]\d*$/,
    },
    {
      id: 'no-capabilities',
      quick: true,
      expected: 'no capability in any set',
      attempt: () => capabilities.map(status).join(','),
      passes: /^0+(,0+)*$/,
    },
    ...(isGvisor ? byGvisor(gvisor.hostRelease) : byThisKernel(sudo === true)),
    {
      id: 'own-processes',
      quick: true,
      expected: 'process 1 is the cage’s own',
      attempt: () => readFileSync('/proc/1/cmdline', 'utf8').split('\0')[0],
      passes: firstProgram,
    },
    ...NAMESPACES.filter((kind) => !isGvisor || !GVISOR_NAMESPACES.includes(kind)).map((kind) => ({
      ...tool(`no-${kind}-namespace`, `no ${kind} namespace can be made`, 'unshare', `--${kind}`, 'true'),
      quick: kind === 'user',
    })),
    ...(isGvisor
      ? []
      : [tool('no-bubblewrap', 'no sandbox of its own can be made', 'bwrap', '--ro-bind', '/', '/', 'true')]),
    { ...tool('no-mount', 'nothing can be mounted', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp'), quick: true },
    tool('no-unmount', 'nothing can be unmounted', 'umount', '/etc'),
    tool('no-chroot', 'no other root', 'chroot', '/', 'true'),
    tool(
      'no-nsenter',
      'no namespace of another process can be entered',
      'nsenter',
      '--target',
      '1',
      '--mount',
      '--pid',
      'true',
    ),
    tool('no-device', 'no device can be made', 'mknod', '/tmp/ironcage-probe-device', 'b', '8', '0'),
    tool('no-interface', 'no interface can be made', 'ip', 'link', 'add', 'probe0', 'type', 'dummy'),
    tool('no-route', 'no route can be changed', 'ip', 'route', 'add', 'default', 'dev', 'lo'),
    tool('no-clock', 'the clock cannot be set', 'date', '--set', new Date().toISOString()),
    {
      id: 'no-kill-outside',
      expected: 'the first process cannot be ended',
      attempt: () =>
        outcomeOf(() => {
          process.kill(1, 'SIGKILL');
          accessSync('/proc/1', constants.R_OK);
          throw new Error('it lives');
        }),
      passes: refused,
      control: commandsRun,
    },
    ...KERNEL_SETTINGS.filter((path) => !isGvisor || !path.startsWith('/proc/self/')).map((path) => ({
      id: `setting${path.replace('/proc', '').replaceAll('/', '-')}`,
      expected: 'a setting of the kernel cannot be changed, least of all to its loss',
      attempt: () => outcomeOf(() => writeFileSync(path, harmless(path))),
      passes: refused,
      control: { attempt: () => readFileSync('/proc/sys/kernel/hostname', 'utf8').length, passes: /^[1-9]/ },
    })),
    {
      id: 'kernel-memory',
      expected: 'the memory and the log of the kernel are not to be read',
      attempt: () =>
        ['/proc/kcore', '/dev/mem', '/dev/kmem', '/dev/kmsg', '/dev/port']
          .filter((path) => worked(outcomeOf(() => accessSync(path, constants.R_OK))))
          .join(',') || 'none',
      passes: /^none$/,
      control: { attempt: () => outcomeOf(() => accessSync('/dev/null', constants.R_OK)), passes: worked },
    },
    {
      id: 'devices',
      quick: true,
      expected: 'no disk, memory or kernel device',
      attempt: () =>
        readdirSync('/dev')
          .filter((name) => /^(sd|vd|nvme|xvd|loop|dm-|mem$|kmem$|port$|kvm$|fuse$|net$)/.test(name))
          .filter((name) => !isGvisor || !GVISOR_DEVICES.includes(name))
          .join(',') || 'none',
      passes: /^none$/,
      control: { attempt: () => existsSync('/dev/null'), passes: /^true$/ },
    },
    {
      id: 'root-of-first-process',
      expected: 'the root of process 1 is the cage’s own, or not to be seen',
      attempt: () => (existsSync(`/proc/1/root${dataRoot}`) ? 'the host' : 'not the host'),
      passes: /^not the host$/,
      control: { attempt: () => existsSync('/proc/self/root/usr'), passes: /^true$/ },
    },
    {
      id: 'open-files',
      expected: 'no file of the host is open',
      attempt: () =>
        readdirSync('/proc/self/fd')
          .map((fd) => {
            try {
              return readlinkSync(`/proc/self/fd/${fd}`);
            } catch {
              // The descriptor of the listing itself.
              return '';
            }
          })
          .filter((path) => path.startsWith('/') && !/^\/(dev\/(null|urandom|random|tty|pts)|proc\/)/.test(path))
          .join(',') || 'none',
      passes: /^none$/,
    },
    {
      id: 'no-terminal',
      expected: 'the terminal of the caller is not reached',
      attempt: () => outcomeOf(() => accessSync('/dev/tty', constants.R_OK) ?? readFileSync('/dev/tty').length),
      passes: refused,
      control: { attempt: () => outcomeOf(() => accessSync('/dev/null', constants.R_OK)), passes: worked },
    },
    {
      id: 'executable-directories',
      expected: 'no directory that programs are looked for in belongs to the host and can be written',
      attempt: () =>
        (process.env.PATH ?? '')
          .split(':')
          .filter((path) => !path.startsWith(process.env.HOME ?? '/nonexistent'))
          .filter((path) => worked(outcomeOf(() => mkdirSync(`${path}/ironcage-probe`))))
          .join(',') || 'none',
      passes: /^none$/,
    },
  ];
}
