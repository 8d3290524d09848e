// Puts an agent that the host lacks into ironcage's own agents directory: pinned by version and content, no third-party
// script run, whole or not at all. Cages see the result read-only.
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { makeDirectory, removeTree } from '../platform/files.ts';
import { withLock } from '../platform/locks.ts';
import { fetchPackage, NPM_TIMEOUT_MS, type FetchOptions } from './fetch-package.ts';
import { thisMachine, type Machine } from './machine.ts';
import { nodeRuntime } from './node-runtime.ts';
import type { AgentInstall, AgentProfile, AgentProgram, PlatformPackage } from './profile.ts';
import { outsideSystem, programRoot } from './program.ts';

export interface InstallOptions extends FetchOptions {
  /** Default: this machine. */
  machine?: Machine;
}

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
  const isScript = pinned.platform.interpreter === 'node';
  const node = nodeRuntime(machine);
  return {
    command,
    argv: isScript ? [node.program, command] : [command],
    readOnly: [...outsideSystem([programRoot(command, pinned.platform)]), ...(isScript ? node.readOnly : [])],
    interpreter: pinned.platform.interpreter ?? 'native',
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
