// The egress of a native cage: a host process with a confinement of its own. It sees the system's libraries, the
// resolver's files, its own program, and three directories; no home, no project, no other cage, no other process.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EgressConfig, EgressParentMessage } from '../../egress/config.ts';
import { withoutInherited } from '../../platform/descriptors.ts';
import { IronError } from '../../platform/errors.ts';
import { pathExists } from '../../platform/files.ts';
import {
  identifyProcess,
  isAlive,
  signalProcess,
  waitForExit,
  type ProcessIdentity,
} from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import type { Server } from 'node:net';
import type { Socket as UdpSocket } from 'node:dgram';
import type { CageIdentity, ListenerRequest } from '../backend.ts';
import type { Tools } from './arguments.ts';
import { linkTarget } from './etc.ts';
import { PACKAGE_ROOT, RUN_FILES } from './layout.ts';
import { firstChild, mustEnd } from './stop.ts';

const START_TIMEOUT_MS = 15_000;

/** Paths as the egress sees them; the same for every cage. */
export const EGRESS_INSIDE = { ca: '/egress/ca', audit: '/egress/audit', control: '/egress/control' } as const;

interface EgressDirectories {
  ca: string;
  audit: string;
  control: string;
}

export interface EgressLaunch {
  identity: CageIdentity;
  callerIsRoot: boolean;
  directories: EgressDirectories;
  /** Readable files of authorities that the host trusts; bound one by one. */
  authorityFiles: readonly string[];
  /** Where the seccomp filter and the log lie. */
  runDirectory: string;
}

export interface StartingEgress {
  identity: ProcessIdentity;
  configure(config: EgressConfig): Promise<{ generation: number; hash: string; caPem: string }>;
  listener(request: ListenerRequest, handle: Server | UdpSocket): Promise<void>;
  /** `process` is what serves, without its wrapper: with it all of the egress ends, and without it nothing is served. */
  serve(): Promise<{ generation: number; hash: string; process: ProcessIdentity }>;
  /** Lets go of it: it lives on without this process. */
  detach(): void;
  kill(): void;
}

/** Names under which the authority files appear inside, in order. */
export function insideAuthorityFiles(files: readonly string[]): string[] {
  return files.map((_file, index) => `/egress/authority-${index}.pem`);
}

/**
 * Where the package lies inside. Installed, what it needs lies beside it, above it, or behind links of a package manager:
 * all of that is below the outermost node_modules of its path, which is shown as it is.
 */
function packageInside(packageRoot = PACKAGE_ROOT): { root: string; binds: readonly (readonly [string, string])[] } {
  const parts = packageRoot.split('/').filter((part) => part !== '');
  const outermost = parts.indexOf('node_modules');
  if (outermost < 0) {
    const names = ['package.json', 'dist', 'node_modules'];
    return { root: '/app', binds: names.map((name) => [join(packageRoot, name), `/app/${name}`] as const) };
  }
  const source = `/${parts.slice(0, outermost + 1).join('/')}`;
  return { root: join('/app', ...parts.slice(outermost)), binds: [[source, '/app/node_modules']] };
}

function egressCommand(launch: EgressLaunch, tools: Tools): string[] {
  const { identity, directories } = launch;
  const args: string[] = [];
  const readOnly = (source: string, target = source): void => {
    if (pathExists(source)) args.push('--ro-bind', source, target);
  };
  // bubblewrap makes implied parents for their owner alone, and the egress runs as somebody else.
  for (const parent of ['/app', '/egress', '/etc', '/etc/ssl', '/run', '/run/systemd'])
    args.push('--perms', '0755', '--dir', parent);
  for (const path of ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/nix/store']) readOnly(path);
  for (const name of [
    'ssl/certs',
    'ssl/openssl.cnf',
    'pki',
    'nsswitch.conf',
    'gai.conf',
    'host.conf',
    'ld.so.cache',
    'localtime',
  ]) {
    readOnly(`/etc/${name}`);
  }
  for (const name of ['resolv.conf', 'hosts']) readOnly(linkTarget(`/etc/${name}`), `/etc/${name}`);
  readOnly('/run/systemd/resolve');
  readOnly(tools.node, '/app/node');
  const program = packageInside();
  for (const [source, target] of program.binds) readOnly(source, target);
  launch.authorityFiles.forEach((file, index) => readOnly(file, `/egress/authority-${index}.pem`));
  args.push('--bind', directories.ca, EGRESS_INSIDE.ca, '--bind', directories.audit, EGRESS_INSIDE.audit);
  args.push(
    '--bind',
    directories.control,
    EGRESS_INSIDE.control,
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--tmpfs',
    '/tmp',
  );
  args.push('--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup', '--new-session', '--clearenv');
  args.push('--setenv', 'NODE_CHANNEL_FD', '3', '--setenv', 'NODE_CHANNEL_SERIALIZATION_MODE', 'json');
  args.push('--chdir', '/', '--remount-ro', '/', '--seccomp', '4');
  const command = ['/app/node', '--max-semi-space-size=2', `${program.root}/dist/egress/main.js`];
  if (!launch.callerIsRoot) {
    const { uid, gid } = identity;
    return [
      tools.bwrap,
      '--unshare-user',
      '--uid',
      String(uid),
      '--gid',
      String(gid),
      ...args,
      '--cap-drop',
      'ALL',
      '--',
      ...command,
    ];
  }
  // As root the directories can be bound whatever their parents' modes are; then root is dropped for good.
  const drop = ['--reuid', String(identity.egressUid), '--regid', String(identity.egressUid), '--clear-groups'];
  return [
    ...[
      tools.bwrap,
      ...args,
      '--cap-drop',
      'ALL',
      '--cap-add',
      'CAP_SETUID',
      '--cap-add',
      'CAP_SETGID',
      '--cap-add',
      'CAP_SETPCAP',
    ],
    ...['--', tools.setpriv, ...drop, '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--', ...command],
  ];
}

/** Starts the egress program; it ends with this process unless it serves and was let go. */
export function startEgress(launch: EgressLaunch, tools: Tools, path: string): StartingEgress {
  const [program = '', ...args] = withoutInherited(egressCommand(launch, tools), path, 5);
  const log = openSync(join(launch.runDirectory, 'egress.log'), 'w', 0o600);
  const filter = openSync(join(launch.runDirectory, RUN_FILES.filter), 'r');
  const child = spawn(program, args, {
    detached: true,
    env: { PATH: path },
    stdio: ['ignore', log, log, 'ipc', filter],
  });
  closeSync(log);
  closeSync(filter);
  // What cannot be sent to one that ended is seen by the answer that does not come.
  child.on('error', () => undefined);
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (identity === undefined) throw egressFailure('its process could not be started');
  return {
    identity: { pid: identity.pid, startTicks: identity.startTicks },
    async configure(config) {
      post(child, { type: 'configure', config });
      const answer = await answerOf(child, 'configured');
      return { generation: answer.generation, hash: answer.hash, caPem: answer.caPem };
    },
    listener: (request, handle) =>
      new Promise((sent, reject) => {
        child.send({ type: 'listener', ...request } satisfies EgressParentMessage, handle, {}, (error) => {
          // The copy that stays here must not go on accepting.
          handle.close();
          if (error === null) sent();
          else reject(error);
        });
      }),
    async serve() {
      post(child, { type: 'serve' });
      const answer = await answerOf(child, 'serving');
      const inner = firstChild(identity);
      if (inner === undefined) throw egressFailure('its process is gone');
      return {
        generation: answer.generation,
        hash: answer.hash,
        process: { pid: inner.pid, startTicks: inner.startTicks },
      };
    },
    detach() {
      child.disconnect();
      child.unref();
    },
    kill() {
      child.kill('SIGKILL');
      // What does not serve yet ends by itself when nobody is left who could finish its start.
      if (child.connected) child.disconnect();
    },
  };
}

function post(child: ChildProcess, message: EgressParentMessage): void {
  child.send(message);
}

type AnswerType = 'configured' | 'serving';

/** Waits for one kind of answer; an end, a failure or silence is an error that says so. */
function answerOf(child: ChildProcess, type: AnswerType): Promise<EgressAnswer> {
  return new Promise((resolvePromise, reject) => {
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      finish();
    };
    const onMessage = (message: unknown): void => {
      const answer = parseAnswer(message);
      if (answer === undefined) settle(() => reject(egressFailure('it gave an answer that cannot be read')));
      else if (answer.type === 'failed') settle(() => reject(egressFailure(answer.message)));
      else if (answer.type === type) settle(() => resolvePromise(answer));
    };
    const onExit = (code: number | null): void =>
      settle(() => reject(egressFailure(`it ended with code ${String(code)}`)));
    const timer = setTimeout(() => settle(() => reject(egressFailure('it did not answer in time'))), START_TIMEOUT_MS);
    child.on('message', onMessage);
    child.once('exit', onExit);
    if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode);
  });
}

interface EgressAnswer {
  type: AnswerType;
  generation: number;
  hash: string;
  /** Only of `configured`. */
  caPem: string;
}

/** The egress reads what a cage sends: what it says is checked like anything else that comes from there. */
function parseAnswer(value: unknown): EgressAnswer | { type: 'failed'; message: string } | undefined {
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  if (value.type === 'failed') {
    return { type: 'failed', message: 'message' in value ? printableLine(String(value.message).slice(0, 500)) : '' };
  }
  if (value.type !== 'configured' && value.type !== 'serving') return undefined;
  if (!('generation' in value) || typeof value.generation !== 'number') return undefined;
  if (!('hash' in value) || typeof value.hash !== 'string') return undefined;
  const caPem = 'caPem' in value && typeof value.caPem === 'string' ? value.caPem : '';
  if (
    value.type === 'configured' &&
    !/^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?$/.test(caPem)
  ) {
    return undefined;
  }
  return { type: value.type, generation: value.generation, hash: value.hash, caPem };
}

function egressFailure(because: string): IronError {
  return new IronError('E_EGRESS', {
    message: 'the egress could not be started',
    because,
    hint: 'without it the cage has no network and is not started; egress.log in the cage’s run directory and `ironcage doctor` say more',
  });
}

/** Ends an egress, by its process 1 or by the wrapper around that, whatever state they are in. */
export async function stopEgress(identity: ProcessIdentity): Promise<void> {
  const parentPid = identifyProcess(identity.pid)?.parentPid;
  const wrapper = parentPid === undefined || !isBubblewrap(parentPid) ? undefined : identifyProcess(parentPid);
  if (!isAlive(identity)) return;
  const inner = firstChild(identity);
  for (const process of [inner, identity]) {
    if (process === undefined) continue;
    signalProcess(process, 'SIGKILL');
    await mustEnd(process);
  }
  // It ends with what it watched over.
  if (wrapper !== undefined) await waitForExit(wrapper, STOP_TIMEOUT_MS);
}

const STOP_TIMEOUT_MS = 5_000;

function isBubblewrap(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'bwrap';
  } catch {
    // Gone meanwhile: then there is nothing to wait for.
    return false;
  }
}
