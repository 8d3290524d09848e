// What Podman said of itself, kept: to say it, it counts its images and asks the system's package manager about each of its parts,
// which takes longer than all the rest of a new cage. The answer counts as long as everything that it depends on is as it was;
// for root, whose control groups are the machine's.
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { readTextIfPresent, writeFileAtomic } from '../../platform/files.ts';

/** Where it is asked, and with what; `file`: where the answer is kept. */
export interface PodmanSite {
  program: string;
  env: Readonly<Record<string, string>>;
  file: string;
}

const SETTINGS = ['containers.conf', 'storage.conf'];
const DIRECTORIES = ['/usr/share/containers', '/etc/containers'];
const CONTROL_GROUPS = ['/proc/self/cgroup', '/sys/fs/cgroup/cgroup.controllers'];

/** The answer of before, as it came; undefined where there is none that counts. */
export function keptAnswer(site: PodmanSite): string | undefined {
  const state = stateOf(site);
  const text = state === undefined ? undefined : readTextIfPresent(site.file);
  const end = text?.indexOf('\n') ?? -1;
  return end > 0 && text?.slice(0, end) === state ? text?.slice(end + 1) : undefined;
}

export function keepAnswer(site: PodmanSite, answer: string): void {
  const state = stateOf(site);
  if (state !== undefined) writeFileAtomic(site.file, `${state}\n${answer}`, { synced: false });
}

/** Digest of all that the answer depends on; undefined where that cannot be told from here. */
function stateOf({ program, env }: PodmanSite): string | undefined {
  if (process.geteuid?.() !== 0 || env['CONTAINER_HOST'] !== undefined || env['CONTAINER_CONNECTION'] !== undefined)
    return undefined;
  const own = join(env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? '', '.config'), 'containers');
  const files = [...DIRECTORIES, own].flatMap((directory) => [
    ...SETTINGS.map((name) => join(directory, name)),
    ...namesIn(join(directory, 'containers.conf.d')),
  ]);
  const named = [env['CONTAINERS_CONF'], env['CONTAINERS_STORAGE_CONF']].filter((file) => file !== undefined);
  const parts = [
    ...[program, ...files, ...named].map((file) => `${file} ${mark(file)}`),
    ...CONTROL_GROUPS.map((file) => readTextIfPresent(file) ?? ''),
    controllers(readTextIfPresent('/proc/cgroups') ?? ''),
    ...[JSON.stringify(env), release(), readTextIfPresent('/proc/sys/kernel/random/boot_id') ?? ''],
  ];
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}

/** Format: cgroups(7), /proc/cgroups. How many groups each has right now says nothing. */
export function controllers(table: string): string {
  return table
    .split('\n')
    .map((line) => line.split('\t'))
    .map(([name, hierarchy, , isEnabled]) => [name, hierarchy, isEnabled].join(' '))
    .join('\n');
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/** Another one for a file that was written or replaced. */
function mark(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? 'none' : [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
}
