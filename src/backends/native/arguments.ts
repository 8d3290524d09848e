// The bubblewrap command lines of a cage, as pure functions of its plan.
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathExists } from '../../platform/files.ts';
import type { CagePlan } from '../backend.ts';
import { browserPolicyDirectories, etcMasks, javaStorePaths, linkTarget, systemBundlePaths } from '../host/etc.ts';
import { innerMounts } from '../host/inner-mounts.ts';
import { INSIDE_BUS, INSIDE_NODE, INSIDE_TRUST, PROGRAMS_DIRECTORY, RUN_FILES } from '../host/layout.ts';
import { dropRoot, type Tools } from '../host/tools.ts';
import { STAGE, STAGED } from './stage.ts';

/** Binds everything the plan names into the staging area; the first command line that sees the host's paths is the last. */
function stagingArguments(plan: CagePlan, nodeBinary: string): string[] {
  const args = ['--tmpfs', STAGE];
  const bind = (source: string, target: string, writable: boolean): void => {
    args.push(writable ? '--bind' : '--ro-bind', source, target);
  };
  bind(plan.runDirectory, STAGED.run, false);
  bind(PROGRAMS_DIRECTORY, STAGED.programs, false);
  bind(nodeBinary, STAGED.node, false);
  bind(plan.homeDirectory, STAGED.home, true);
  bind(plan.tmpDirectory, STAGED.temporary, true);
  bind(plan.busDirectory, STAGED.bus, true);
  plan.binds.forEach(({ source, writable }, index) => bind(source, STAGED.bind(index), writable));
  for (const [index, workspace] of plan.workspaces.entries()) {
    if (workspace.kind === 'directory') {
      bind(workspace.source, STAGED.workspace(index), workspace.writable);
      continue;
    }
    bind(workspace.lower, STAGED.lower(index), false);
    // Upper and work must share a mount, or the overlay refuses them: their common parent is bound.
    bind(dirname(workspace.upper), STAGED.upper(index), true);
    args.push('--dir', STAGED.workspace(index));
  }
  args.push('--dir', STAGED.device);
  return args;
}

/**
 * The keeper's command line: uid 0 of a fresh user namespace, which owns the cage's network, ipc, uts and cgroup
 * namespaces and the mount namespace with the staging area. For a root caller the staging area is bound while still
 * root, because nobody else may walk its directories; then root is dropped for good.
 */
export function keeperCommand(plan: CagePlan, tools: Tools, command: readonly string[]): string[] {
  const staging = stagingArguments(plan, tools.node);
  const keeper = [
    ...[tools.bwrap, '--unshare-user', '--uid', '0', '--gid', '0', '--cap-add', 'ALL'],
    ...['--unshare-net', '--unshare-ipc', '--unshare-uts', '--hostname', plan.name.slice(0, 63), '--unshare-cgroup'],
    ...['--dev-bind', '/', '/', ...(plan.callerIsRoot ? [] : staging), '--dev', STAGED.device],
    ...['--', ...command],
  ];
  if (!plan.callerIsRoot) return keeper;
  return [
    tools.bwrap,
    '--cap-add',
    'ALL',
    '--dev-bind',
    '/',
    '/',
    ...staging,
    '--',
    ...dropRoot(plan.identity, tools),
    ...keeper,
  ];
}

/** Arguments of the bubblewrap that makes the cage proper (`first`) or joins it. */
export function isolationArguments(plan: Pick<CagePlan, 'identity'>, first: boolean): string[] {
  return [
    ...['--args', '8', '--seccomp', '9'],
    ...(first ? ['--unshare-user', '--unshare-pid', '--info-fd', '4'] : ['--userns', '6', '--pidns', '7']),
    ...['--uid', String(plan.identity.insideUid), '--gid', String(plan.identity.insideGid)],
  ];
}

/** What every process of the cage gets, first and later ones alike; the file system is built from the staging area. */
export function cageArguments(plan: CagePlan, hostDirectories: readonly string[] = TOP_LEVEL): string[] {
  const args = ['--clearenv'];
  for (const [name, value] of Object.entries(plan.env)) args.push('--setenv', name, value);
  args.push('--cap-drop', 'ALL');
  for (const path of hostDirectories) args.push(...topLevel(path));
  args.push('--ro-bind', '/etc', '/etc');
  for (const mask of etcMasks()) {
    if (mask.kind === 'directory') args.push('--tmpfs', mask.path);
    else args.push('--ro-bind', `${STAGED.run}/${RUN_FILES.empty}`, mask.path);
  }
  args.push('--dev-bind', STAGED.device, '/dev', '--proc', '/proc', '--dir', '/sys', '--tmpfs', '/run');
  // No link: a mount below /var/tmp would be led by it past the guards of inner-mounts.ts.
  for (const path of ['/tmp', '/var/tmp']) args.push('--bind', STAGED.temporary, path);
  args.push('--dir', '/var/log', '--dir', '/var/cache');
  for (const name of ETC_NAMES) {
    const target = linkTarget(`/etc/${name}`);
    // A missing file cannot be laid over; every reader of these has a default that is right for a cage.
    if (pathExists(target) || !target.startsWith('/etc/')) {
      args.push('--ro-bind', `${STAGED.run}/${RUN_FILES.etc}/${name}`, target);
    }
  }
  args.push('--ro-bind', `${STAGED.run}/${RUN_FILES.trust}`, INSIDE_TRUST);
  args.push('--ro-bind', STAGED.node, INSIDE_NODE, '--bind', STAGED.bus, INSIDE_BUS);
  for (const path of systemBundlePaths()) {
    args.push('--ro-bind', `${STAGED.run}/${RUN_FILES.trust}/ca-bundle.pem`, path);
  }
  for (const path of javaStorePaths()) {
    args.push('--ro-bind', `${STAGED.run}/${RUN_FILES.trust}/java-cacerts`, path);
  }
  for (const path of browserPolicyDirectories()) {
    args.push('--tmpfs', path, '--dir', `${path}/policies`, '--dir', `${path}/policies/managed`);
    args.push('--ro-bind', `${STAGED.run}/${RUN_FILES.trust}/browser.json`, `${path}/policies/managed/ironcage.json`);
    args.push('--remount-ro', path);
  }
  args.push('--bind', STAGED.home, plan.homeTarget);
  for (const { source, target, writable } of innerMounts(plan, STAGED)) {
    args.push(writable ? '--bind' : '--ro-bind', source, target);
  }
  for (const path of plan.masks) args.push('--ro-bind', `${STAGED.run}/${RUN_FILES.empty}`, path);
  args.push('--remount-ro', '/');
  return args;
}

const ETC_NAMES = ['resolv.conf', 'hosts', 'hostname', 'nsswitch.conf', 'passwd', 'group'] as const;

/** Host directories a cage sees read-only, where they exist; those that are links stay links. */
const TOP_LEVEL = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/opt', '/nix/store'] as const;

function topLevel(path: string): string[] {
  if (!pathExists(path)) return [];
  return lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
}
