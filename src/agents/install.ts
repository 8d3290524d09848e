// Puts an agent that the host lacks into ironcage's own agents directory: pinned by version and content, no third-party
// script run, whole or not at all. Cages see the result read-only.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Environment } from '../platform/environment.ts';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { makeDirectory, removeTree } from '../platform/files.ts';
import { withLock } from '../platform/locks.ts';
import { findProgram, run } from '../platform/processes.ts';
import { thisMachine, type Machine } from './machine.ts';
import { npmFailure } from './npm-failure.ts';
import type { AgentInstall, AgentProfile, AgentProgram, PlatformPackage } from './profile.ts';
import { outsideSystem } from './program.ts';

export interface InstallOptions {
  environment: Environment;
  progress(line: string): void;
  machine?: Machine;
}

const NPM_TIMEOUT_MS = 20 * 60_000;
const PROGRESS_INTERVAL_MS = 10_000;

/** The installed agent of the pinned version, or undefined when there is none yet. */
export function findInstalled(
  profile: AgentProfile,
  agentsDirectory: string,
  machine: Machine = thisMachine(),
): AgentProgram | undefined {
  const pinned = pinnedPackage(profile, machine);
  if (pinned === undefined) return undefined;
  const command = join(versionDirectory(profile, pinned.install, agentsDirectory), programPath(pinned.platform));
  try {
    if (!statSync(command).isFile()) return undefined;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
  return {
    command,
    argv: [command],
    readOnly: outsideSystem([command]),
    interpreter: 'native',
    version: pinned.install.version,
    source: 'installed',
  };
}

/** Installs the pinned version unless it is there. Throws E_AGENT_INSTALL or E_DISK_FULL; nothing half-made stays. */
export async function installAgent(
  profile: AgentProfile,
  agentsDirectory: string,
  options: InstallOptions,
): Promise<AgentProgram> {
  const machine = options.machine ?? thisMachine();
  const pinned = pinnedPackage(profile, machine);
  if (pinned === undefined) throw cannotInstall(profile, machine);
  const home = join(agentsDirectory, profile.name);
  makeDirectory(home, 0o755);
  return withLock(
    join(home, '.lock'),
    { what: `the install of ${profile.title}`, timeoutMs: NPM_TIMEOUT_MS },
    async () => {
      const ready = findInstalled(profile, agentsDirectory, machine);
      if (ready !== undefined) return ready;
      removeLeftovers(home);
      const temporary = join(home, `.installing-${randomBytes(6).toString('hex')}`);
      try {
        mkdirSync(temporary, { mode: 0o755 });
        await fetchPackage(profile, pinned.install, pinned.platform, temporary, machine, options);
        settle(temporary, join(temporary, programPath(pinned.platform)));
        const final = versionDirectory(profile, pinned.install, agentsDirectory);
        // A directory that lacks the program is in the way of the rename: it is what an older crash or a user left.
        removeTree(final, agentsDirectory);
        renameSync(temporary, final);
      } finally {
        removeTree(temporary, home);
      }
      const installed = findInstalled(profile, agentsDirectory, machine);
      if (installed === undefined) {
        throw new IronError('E_AGENT_INSTALL', {
          message: `${profile.title} was installed, but its program is not there`,
          hint: 'run the command again; if that fails too, report it as a bug',
        });
      }
      return installed;
    },
  );
}

async function fetchPackage(
  profile: AgentProfile,
  install: AgentInstall,
  platform: PlatformPackage,
  directory: string,
  machine: Machine,
  options: InstallOptions,
): Promise<void> {
  const npm = findProgram('npm', options.environment['PATH']) ?? findProgram('npm', dirname(machine.node));
  if (npm === undefined) {
    throw new IronError('E_AGENT_INSTALL', {
      message: `${profile.title} is not on this machine, and neither is npm to install it`,
      hint: `install npm (sudo apt-get install npm), or ${profile.title} itself, and run the command again`,
    });
  }
  // `npm ci` takes exactly what the lock file says, and refuses other bytes than those of the integrity text.
  const dependencies = { [platform.name]: install.version };
  const entry = { version: install.version, integrity: platform.integrity };
  const lock = {
    name: 'ironcage-agent',
    lockfileVersion: 3,
    requires: true,
    packages: { '': { name: 'ironcage-agent', dependencies }, [`node_modules/${platform.name}`]: entry },
  };
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'ironcage-agent', private: true, dependencies }),
    { flag: 'wx' },
  );
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify(lock), { flag: 'wx' });

  const megabytes = Math.round(platform.sizeBytes / 1e6);
  options.progress(`installing ${profile.title} ${install.version} with npm (${megabytes} MB on disk, once)`);
  const start = performance.now();
  const seconds = () => Math.round((performance.now() - start) / 1000);
  const ticker = setInterval(
    () => options.progress(`still installing ${profile.title} (${seconds()} s)`),
    PROGRESS_INTERVAL_MS,
  );
  try {
    const args = [
      'ci',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--no-update-notifier',
      '--global=false',
      '--package-lock=true',
    ];
    const result = await run(npm, args, { cwd: directory, env: options.environment, timeoutMs: NPM_TIMEOUT_MS });
    if (result.exitCode !== 0) throw npmFailure(profile.title, result);
  } finally {
    clearInterval(ticker);
  }
  options.progress(`installed ${profile.title} ${install.version} (${seconds()} s)`);
}

/** Readable by every uid a cage may run under, and on the disk before the rename makes it visible. */
function settle(directory: string, program: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, 0o755);
    else if (entry.isFile()) chmodSync(path, path === program || (statSync(path).mode & 0o111) !== 0 ? 0o755 : 0o644);
  }
  const fd = openSync(program, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** What an install that was killed left behind. The caller holds the lock: no other install is at work. */
function removeLeftovers(home: string): void {
  for (const name of readdirSync(home)) if (name.startsWith('.installing-')) removeTree(join(home, name), home);
}

function pinnedPackage(
  profile: AgentProfile,
  machine: Machine,
): { install: AgentInstall; platform: PlatformPackage } | undefined {
  const platform = profile.install?.platformPackages[machine.platform];
  return profile.install === undefined || platform === undefined ? undefined : { install: profile.install, platform };
}

function versionDirectory(profile: AgentProfile, install: AgentInstall, agentsDirectory: string): string {
  return join(agentsDirectory, profile.name, install.version);
}

function programPath(platform: PlatformPackage): string {
  return join('node_modules', platform.name, platform.program);
}

function cannotInstall(profile: AgentProfile, machine: Machine): IronError {
  if (profile.install === undefined) {
    return new IronError('E_AGENT_INSTALL', {
      message: `${profile.program} was not found`,
      hint: `install ${profile.program} with the system’s package manager and run the command again`,
    });
  }
  return new IronError('E_AGENT_INSTALL', {
    message: `there is no ${profile.title} for ${machine.platform}`,
    hint: `it exists for ${Object.keys(profile.install.platformPackages).join(', ')}`,
  });
}
