// The gate of a container of a rootful engine that an ordinary user may ask: only the engine can bring a program into the network
// of what it started, so a second container is put beside the first. It starts with the rights to close that one's mounts and to
// lead every address to itself, gives all of them up, and hands connections to the egress over unix sockets. Its programs are
// this machine's, mounted read-only over an empty image: nothing of the cage's image, its variables least of all, is there with
// these rights.
import { spawn } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import { pathExists } from '../../platform/files.ts';
import { PACKAGE_ROOT } from '../../platform/package-root.ts';
import { whenLate } from '../../platform/patience.ts';
import { identifyProcess, type ProcessIdentity } from '../../platform/processes.ts';
import { openSocketPath } from '../../platform/socket-path.ts';
import { printableLine } from '../../platform/text.ts';
import type { CagePlan, ContainerPlan } from '../backend.ts';
import { gateSockets } from '../host/layout.ts';
import type { HandOver } from '../host/opened-listeners.ts';
import type { Tools } from '../host/tools.ts';
import { mountText } from './arguments.ts';
import { requireEmptyImage } from './empty-image.ts';
import type { Engine } from './engine.ts';
import { gateName, removeContainer } from './stop.ts';
import { mustBeTight, remountArguments } from './tighten-mounts.ts';

/** What the gate cannot start without; all of it is given up before it takes its first connection. */
const STARTING_RIGHTS = [
  'SYS_ADMIN',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'NET_ADMIN',
  'DAC_READ_SEARCH',
  'SETUID',
  'SETGID',
  'SETPCAP',
];

/** Of this machine's own programs; the empty image sets none. */
const SEARCH_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const HOST_PATHS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/etc/ld.so.cache'];
const INSIDE = { sockets: '/gate/sockets', node: '/gate/node', dist: '/gate/dist' } as const;
const STREAMS = ['tcp', 'proxy', 'dns-tcp'] as const;
const START_TIMEOUT_MS = 30_000;

export type GatePlan = Pick<CagePlan, 'identity' | 'runDirectory' | 'listeners'>;

/**
 * Starts the gate beside a container that runs, in the place of one that is there; `handOver` gets the sockets it connects to.
 * Resolves with its process when it answers. Throws E_BACKEND, E_PROTECTION.
 */
export async function startGate(
  plan: GatePlan,
  { identity: { name }, labels }: ContainerPlan,
  engine: Engine,
  tools: Tools,
  init: ProcessIdentity,
  handOver: HandOver,
): Promise<ProcessIdentity> {
  const sockets = gateSockets(plan.runDirectory);
  const [image] = await Promise.all([requireEmptyImage(engine), removeContainer({ name: gateName(name) }, engine)]);
  await openSockets(sockets, handOver);
  const programs = `${INSIDE.dist}/backends/container`;
  const { uid, gid } = plan.identity;
  const listeners = plan.listeners.map(({ purpose, port }) => `${purpose}:${port}`).join(',');
  const mounts = [
    ...HOST_PATHS.filter(pathExists).map((path) => ({ source: path, target: path, writable: false })),
    { source: tools.node, target: INSIDE.node, writable: false },
    { source: join(PACKAGE_ROOT, 'dist'), target: INSIDE.dist, writable: false },
    // Its own is among them.
    { source: sockets, target: INSIDE.sockets, writable: true },
  ];
  const pid = await runUntilReady(engine, [
    ...['run', '--rm', '--name', gateName(name)],
    ...Object.entries(labels).flatMap(([label, value]) => ['--label', `${label}=${value}`]),
    ...['--network', `container:${name}`, '--pid', 'host', '--user', '0:0', '--log-driver', 'none', '--pull', 'never'],
    ...['--read-only', '--stop-signal', 'SIGKILL', '--cap-drop', 'ALL'],
    ...STARTING_RIGHTS.flatMap((right) => ['--cap-add', right]),
    // For its start alone: with the last right goes what these would keep it from.
    ...[
      'seccomp=unconfined',
      'apparmor=unconfined',
      'label=disable',
      'systempaths=unconfined',
      'no-new-privileges',
    ].flatMap((option) => ['--security-opt', option]),
    ...mounts.flatMap((mount) => ['--mount', mountText(mount)]),
    ...['--workdir', '/', '--env', `PATH=${SEARCH_PATH}`, '--entrypoint', '/bin/sh', image, `${programs}/gate.sh`],
    ...[
      String(uid),
      String(gid),
      INSIDE.node,
      `${INSIDE.dist}/backends/packed/gate.js`,
      listeners,
      '--',
      ...remountArguments(init),
    ],
  ]);
  mustBeTight(init);
  const gate = identifyProcess(pid);
  if (gate === undefined) throw gateFailure('it ended as soon as it was up');
  return { pid: gate.pid, startTicks: gate.startTicks };
}

/** Makes the unix sockets that the gate finds its egress by, and hands them over. */
async function openSockets(directory: string, handOver: HandOver): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const purpose of STREAMS) {
    const { path, release } = openSocketPath(join(directory, purpose));
    try {
      // A cage that lives may connect while it is ours: it must not wait for an answer that never comes.
      const server = createServer({ pauseOnConnect: true }, (socket) => socket.destroy());
      rmSync(path, { force: true });
      await new Promise<void>((listening, reject) => {
        server.once('error', reject);
        server.listen(`${path}.new`, () => listening());
      });
      // Whoever closes a copy removes the name that it was opened by.
      renameSync(`${path}.new`, path);
      await handOver({ purpose, port: 0, isGate: true }, server);
    } finally {
      release();
    }
  }
}

/** Runs the engine's command line until the gate says that it is up, and lets go of it: the container goes on. */
function runUntilReady(engine: Engine, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(engine.program, [...engine.selectors, ...args], {
      detached: true,
      env: engine.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    let log = '';
    const settle = (finish: () => void): void => {
      inTime();
      child.stdout.destroy();
      child.stderr.destroy();
      // Killed, it can tell the container nothing.
      child.kill('SIGKILL');
      child.unref();
      finish();
    };
    const fail = (because: string): void => settle(() => reject(gateFailure(because)));
    const inTime = whenLate(START_TIMEOUT_MS, () => fail('it did not come up in time'));
    child.once('error', (error) => fail(error.message));
    child.once('close', () => fail(printableLine(log.trim()).slice(-600) || 'it ended without a word'));
    child.stderr.on('data', (chunk) => (log = `${log}${String(chunk)}`.slice(-2000)));
    child.stdout.on('data', (chunk) => {
      said = `${said}${String(chunk)}`.slice(0, 100);
      const pid = /^gate (\d+)\n/.exec(said)?.[1];
      if (pid !== undefined) settle(() => resolve(Number(pid)));
    });
  });
}

function gateFailure(because: string): IronError {
  return new IronError('E_BACKEND', {
    message: 'the gate of the cage could not be started',
    because,
    hint: 'without it the cage has no network and is not started; `ironcage doctor` says what is missing, --backend podman and --backend native need no gate',
  });
}
