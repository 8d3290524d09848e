// Gets one package of the npm registry, exactly as pinned, through the machine's own npm: its proxy, mirror and authority
// settings apply. No script of the package is run.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Environment } from '../platform/environment.ts';
import { IronError } from '../platform/errors.ts';
import { findProgram, run } from '../platform/processes.ts';
import type { Machine } from './machine.ts';
import { npmFailure } from './npm-failure.ts';
import type { AgentInstall, AgentProfile, PlatformPackage } from './profile.ts';

export interface FetchOptions {
  /** The user's: npm finds its settings by it. */
  environment: Environment;
  progress(line: string): void;
}

export const NPM_TIMEOUT_MS = 20 * 60_000;
const PROGRESS_INTERVAL_MS = 10_000;

/** Fills the empty `directory` with a node_modules that holds exactly the pinned package. Throws E_AGENT_INSTALL or E_DISK_FULL. */
export async function fetchPackage(
  profile: Pick<AgentProfile, 'title'>,
  install: Pick<AgentInstall, 'version'>,
  platform: Pick<PlatformPackage, 'name' | 'published' | 'integrity' | 'sizeBytes'>,
  directory: string,
  machine: Machine,
  options: FetchOptions,
): Promise<void> {
  const npm = findProgram('npm', options.environment['PATH']) ?? findProgram('npm', dirname(machine.node));
  if (npm === undefined) {
    throw new IronError('E_AGENT_INSTALL', {
      message: `${profile.title} is not on this machine, and neither is npm to install it`,
      hint: `install npm (sudo apt-get install npm), or ${profile.title} itself, and run the command again`,
    });
  }
  // `npm ci` takes exactly what the lock file says, and refuses other bytes than those of the integrity text.
  const { published } = platform;
  const wanted = published === undefined ? install.version : `npm:${published.name}@${published.version}`;
  const dependencies = { [platform.name]: wanted };
  const entry = { version: install.version, ...published, integrity: platform.integrity };
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
    // npm starts with `env node`, and PATH need not name the Node that runs us.
    const env = { ...options.environment, PATH: `${options.environment['PATH'] ?? ''}:${dirname(machine.node)}` };
    const result = await run(npm, args, { cwd: directory, env, timeoutMs: NPM_TIMEOUT_MS });
    if (result.exitCode !== 0) throw npmFailure(profile.title, result);
  } finally {
    clearInterval(ticker);
  }
  options.progress(`installed ${profile.title} ${install.version} (${seconds()} s)`);
}
