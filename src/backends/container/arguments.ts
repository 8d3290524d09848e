// The command line that makes a cage's container, as a pure function of its plan. Hardening is not a choice here: what an
// engine does not know of it makes its `create` fail, and with it the start.
import { createHash } from 'node:crypto';
import { IronError } from '../../platform/errors.ts';
import type {
  Bind,
  CagePlan,
  ContainerIdentity,
  ContainerPlan,
  EngineLimits,
  LimitEnforcement,
  LimitRequest,
} from '../backend.ts';
import { innerMounts, type Places } from '../host/inner-mounts.ts';
import { INSIDE_BUS, INSIDE_NODE, INSIDE_TRUST, RUN_FILES } from '../host/layout.ts';
import { SUDOERS, sudoArguments } from './sudo.ts';

/** Names of the generated files in a cage's run directory besides those of RUN_FILES. */
export const CONTAINER_FILES = { profile: 'seccomp.json', hold: 'hold', sudoers: 'sudoers' } as const;

/** Process 1: in the directory of the certificates, which every cage has. */
export const INSIDE_HOLD = `${INSIDE_TRUST}/${CONTAINER_FILES.hold}`;

/** Where the images of Debian, Alpine, Fedora and SUSE have their trusted authorities. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
  '/etc/ssl/ca-bundle.pem',
] as const;

const ETC_NAMES = ['resolv.conf', 'hosts', 'hostname', 'nsswitch.conf', 'passwd', 'group'] as const;

/** Packages add to these where root can be had: then they are the container's own. */
const ACCOUNTS: readonly string[] = ['passwd', 'group'];

/** Directories that programs write in although they are nobody's: emptied with every start. */
const SCRATCH = ['/run', '/var/cache', '/var/log'] as const;

/** gVisor lets a program end the first one, where both are the same user's. */
const NOBODY = '65534:65534';

export interface HostFacts {
  /** What one process may have open. */
  openFiles: number;
  /** Absolute path of Node. */
  node: string;
}

/** Behind `create`. Every workspace is a directory. */
export function createArguments(plan: CagePlan, container: ContainerPlan, host: HostFacts): string[] {
  const { identity, runDirectory } = plan;
  const { engine, name, rootless, runtime } = container.identity;
  return [
    ...['--name', name, '--hostname', plan.name.slice(0, 63)],
    ...Object.entries(container.labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    // Nothing is to come back by itself: what starts again has no egress.
    ...['--restart', 'no', '--log-driver', 'none', '--pull', 'never'],
    // By itself an engine runs an image's own check inside, from the first moment on and as long as the cage lives.
    '--no-healthcheck',
    // An engine that ends asks process 1 alone, which only sleeps: waiting for it would help nobody.
    ...['--stop-signal', 'SIGKILL'],
    ...(engine === 'docker' && runtime !== undefined ? ['--runtime', runtime.name] : []),
    ...['--network', 'none', '--ipc', 'private', '--cgroupns', 'private'],
    ...(identity.rootUid === undefined
      ? ['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--read-only']
      : sudoArguments(identity.rootUid, identity, plan.homeTarget)),
    ...['--security-opt', `seccomp=${runDirectory}/${CONTAINER_FILES.profile}`],
    ...['--user', runtime?.kind === 'gvisor' ? NOBODY : `${identity.insideUid}:${identity.insideGid}`],
    ...(engine === 'podman' && rootless ? ['--userns', 'keep-id'] : []),
    ...limitArguments(plan, container.identity, host.openFiles),
    // Nothing of the machine's devices and control groups, and no ping sockets.
    ...(engine === 'podman' ? ['--security-opt', 'mask=/sys'] : ['--tmpfs', '/sys:ro,nosuid,nodev,noexec,size=4k']),
    ...['--sysctl', 'net.ipv4.ping_group_range=1 0'],
    ...(engine === 'podman' ? ['--read-only-tmpfs=false'] : []),
    // Where root can be had, these keep what packages put there.
    ...(identity.rootUid === undefined ? SCRATCH : SCRATCH.slice(0, 1)).flatMap((path) => [
      '--tmpfs',
      `${path}:rw,nosuid,nodev,mode=1777`,
    ]),
    ...mountsOf(plan, host.node).flatMap((mount) => ['--mount', mountText(mount)]),
    ...['--workdir', '/', '--entrypoint', INSIDE_HOLD, container.image],
    // Read by nobody inside: by it the process is known for that of this container.
    markOf(name),
  ];
}

/**
 * Behind `create`, of the router of an open cage: on the engine's own network, with nothing of the cage's but the program that
 * sleeps. Its image is the cage's only because an engine makes no container without one.
 */
export function routerArguments({ runDirectory }: CagePlan, container: ContainerPlan, name: string): string[] {
  const { engine, limits } = container.identity;
  const hold = `${runDirectory}/${RUN_FILES.trust}/${CONTAINER_FILES.hold}`;
  return [
    ...['--name', name, '--hostname', 'router'],
    ...Object.entries(container.labels).flatMap(([label, value]) => ['--label', `${label}=${value}`]),
    ...['--restart', 'no', '--log-driver', 'none', '--pull', 'never', '--stop-signal', 'SIGKILL', '--no-healthcheck'],
    // What Podman calls private is its bridge for root, and its network in user mode for everybody else.
    ...['--network', engine === 'podman' ? 'private' : 'bridge', '--ipc', 'private', '--cgroupns', 'private'],
    ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--security-opt', `seccomp=${runDirectory}/${CONTAINER_FILES.profile}`],
    ...['--user', '65534:65534', '--ulimit', 'core=0:0', '--ulimit', 'nofile=64:64'],
    // By itself Podman raises this one to what not every caller may have.
    ...(engine === 'podman' ? ['--ulimit', 'nproc=1024:1024'] : []),
    ...(limits.pids ? ['--pids-limit', '8'] : []),
    ...['--read-only', ...(engine === 'podman' ? ['--read-only-tmpfs=false'] : [])],
    ...['--mount', mountText({ source: hold, target: INSIDE_HOLD, writable: false })],
    ...['--workdir', '/', '--entrypoint', INSIDE_HOLD, container.image, markOf(name)],
  ];
}

/** Tells one container's first process from another's, and nothing about the cage to who reads it inside. */
export function markOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16);
}

function limitArguments({ limits: wanted }: CagePlan, container: ContainerIdentity, openFiles: number): string[] {
  const { memoryBytes, pids, cpus } = wanted;
  const { engine, limits } = container;
  const args = ['--ulimit', `nofile=${openFiles}:${openFiles}`, '--ulimit', 'core=0:0'];
  if (memoryBytes !== undefined) {
    if (limits.memory) args.push('--memory', String(memoryBytes), '--memory-swap', String(memoryBytes));
    else args.push('--ulimit', `data=${memoryBytes}:${memoryBytes}`);
  }
  if (pids !== undefined) {
    if (limits.pids) args.push('--pids-limit', String(pids));
    // By itself Podman raises this one to what not every caller may have.
    if (!limits.pids || engine === 'podman') args.push('--ulimit', `nproc=${pids}:${pids}`);
  }
  if (cpus !== undefined && limits.cpu) args.push('--cpus', String(cpus));
  return args;
}

/** What enforces each limit. Throws E_PROTECTION for one that nothing here can enforce. */
export function enforcementOf(wanted: LimitRequest, limits: EngineLimits): LimitEnforcement {
  if (wanted.cpus !== undefined && !limits.cpu) {
    throw new IronError('E_PROTECTION', {
      message: 'the limit --cpus cannot be enforced here',
      because: 'the engine has no cpu controller for this user',
      hint: 'use a rootful engine, delegate control groups to this user, or leave --cpus out',
    });
  }
  return {
    memory: wanted.memoryBytes === undefined ? 'none' : limits.memory ? 'cgroup' : 'rlimit',
    pids: wanted.pids === undefined ? 'none' : limits.pids ? 'cgroup' : 'rlimit',
    cpu: wanted.cpus === undefined ? 'none' : 'cgroup',
  };
}

/** Where the parts of a container cage lie on the host. */
export function placesOf(plan: CagePlan): Places {
  return {
    home: plan.homeDirectory,
    temporary: plan.tmpDirectory,
    workspace: (index) => {
      const workspace = plan.workspaces[index];
      if (workspace?.kind === 'directory') return workspace.source;
      throw new Error('the workspace of a container cage is a directory');
    },
    bind: (index) => plan.binds[index]?.source ?? '',
  };
}

function mountsOf(plan: CagePlan, node: string): Bind[] {
  const run = (name: string, target: string): Bind => ({
    source: `${plan.runDirectory}/${name}`,
    target,
    writable: false,
  });
  return [
    run(RUN_FILES.trust, INSIDE_TRUST),
    { source: node, target: INSIDE_NODE, writable: false },
    { source: plan.busDirectory, target: INSIDE_BUS, writable: true },
    ...(plan.identity.rootUid === undefined ? ETC_NAMES : ETC_NAMES.filter((name) => !ACCOUNTS.includes(name))).map(
      (name) => run(`${RUN_FILES.etc}/${name}`, `/etc/${name}`),
    ),
    ...(plan.identity.rootUid === undefined ? [] : [run(CONTAINER_FILES.sudoers, SUDOERS)]),
    // An open cage has no authority of its own, and trusts whom its image trusts.
    ...(plan.container?.identity.router === undefined
      ? BUNDLES.map((path) => run(`${RUN_FILES.trust}/ca-bundle.pem`, path))
      : []),
    ...['/tmp', '/var/tmp'].map((target) => ({ source: plan.tmpDirectory, target, writable: true })),
    { source: plan.homeDirectory, target: plan.homeTarget, writable: true },
    ...innerMounts(plan, placesOf(plan)),
    ...plan.masks.map((target) => run(RUN_FILES.empty, target)),
  ];
}

/** One field of a line of comma-separated values each, as the engines read it. */
export function mountText({ source, target, writable }: Bind): string {
  const fields = ['type=bind', `source=${source}`, `target=${target}`, ...(writable ? [] : ['readonly'])];
  return fields.map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',');
}
