// Where a host may keep an agent's program: PATH first, then the places of the known package managers, which a
// non-interactive shell often has not on its PATH. Only lists names; whether one is the agent, program.ts decides.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../platform/environment.ts';
import type { AgentProfile } from './profile.ts';

/** Absolute paths to look at, best first, without doubles. */
export function candidatePaths(profile: AgentProfile, environment: Environment): string[] {
  const home = environment['HOME'];
  const directories = (environment['PATH'] ?? '').split(':').filter((directory) => directory.startsWith('/'));
  if (home !== undefined && home.startsWith('/')) directories.push(...userDirectories(profile, environment, home));
  directories.push('/usr/local/bin', '/opt/homebrew/bin', '/home/linuxbrew/.linuxbrew/bin', '/usr/bin');
  return [...new Set(directories.map((directory) => join(directory, profile.program)))];
}

function userDirectories(profile: AgentProfile, environment: Environment, home: string): string[] {
  const data = environment['XDG_DATA_HOME'] ?? join(home, '.local/share');
  const npmPackage = profile.install?.package;
  const volta = environment['VOLTA_HOME'] ?? join(home, '.volta');
  const mise = environment['MISE_DATA_DIR'] ?? join(data, 'mise');
  const asdf = environment['ASDF_DATA_DIR'] ?? join(home, '.asdf');
  return [
    // The agent's own installer: ~/.local/bin/claude links to ~/.local/share/claude/versions/X.
    join(home, '.local/bin'),
    join(home, `.${profile.name}/local`),
    join(home, `.${profile.name}/local/node_modules/.bin`),
    ...(npmPackage === undefined ? [] : [join(volta, 'tools/image/packages', npmPackage, 'bin')]),
    ...versions(environment['NVM_DIR'] ?? join(home, '.nvm'), 'versions/node', 'bin'),
    ...versions(environment['FNM_DIR'] ?? join(data, 'fnm'), 'node-versions', 'installation/bin'),
    ...versions(asdf, 'installs/nodejs', 'bin'),
    ...versions(mise, 'installs/node', 'bin'),
    ...(npmPackage === undefined
      ? []
      : versions(mise, `installs/npm-${npmPackage.replace(/^@/, '').replace('/', '-')}`, 'bin')),
    ...versions(environment['NODENV_ROOT'] ?? join(home, '.nodenv'), 'versions', 'bin'),
    join(home, '.npm-global/bin'),
    join(home, '.npm-packages/bin'),
    environment['PNPM_HOME'] ?? join(data, 'pnpm'),
    join(home, '.yarn/bin'),
    join(home, '.config/yarn/global/node_modules/.bin'),
    join(environment['BUN_INSTALL'] ?? join(home, '.bun'), 'bin'),
  ];
}

/** `root/middle/VERSION/last` for every version that is there, newest first. */
function versions(root: string, middle: string, last: string): string[] {
  let names: string[];
  try {
    names = readdirSync(join(root, middle));
  } catch {
    // This package manager is not here, or is not ours to read: nothing to list.
    return [];
  }
  return names
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(root, middle, name, last));
}
