// Programs that images get from the npm registry, each pinned by version and by content: for an image, the registry is a
// source that every host of ironcage can reach already, with its own proxy and mirror. Fetched outside the build.
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fetchPackage } from '../agents/fetch-package.ts';
import { thisMachine } from '../agents/machine.ts';
import type { PlatformPackage } from '../agents/profile.ts';
import type { Context } from './context.ts';

export interface PinnedProgram {
  /** Its directory below /opt/ironcage. */
  key: string;
  /** For people. */
  title: string;
  version: string;
  package: Pick<PlatformPackage, 'name' | 'published' | 'integrity' | 'sizeBytes'>;
  /** Command on PATH to the program's path within the package. */
  links: Readonly<Record<string, string>>;
}

const NPM: PinnedProgram = {
  key: 'npm',
  title: 'npm',
  version: '10.9.9',
  package: {
    name: 'npm',
    integrity: 'sha512-1g+6jLQvaIuB4zwvHL7yrXuXcWZwDsCtBX8bbWDqbvJSSr9nPiDDWTHNgwXR27iIcTTW7v3A57hDW9RYv2W4Yg==',
    sizeBytes: 11_000_000,
  },
  links: { npm: 'bin/npm-cli.js', npx: 'bin/npx-cli.js' },
};

/** Node's own builds, as the npm registry carries them; newest first. */
const NODE_PINS = [
  {
    version: '24.21.0',
    x64: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    arm64: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
  {
    version: '22.23.3',
    x64: 'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
    arm64: 'sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==',
  },
  {
    version: '20.20.2',
    x64: 'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
    arm64: 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
  },
] as const;

export const NODE_VERSIONS: readonly string[] = NODE_PINS.map(({ version }) => version);

/** Node and npm for `20`, `20.20` or `20.20.2`; undefined when none that is pinned begins so, or not for this platform. */
export function nodePrograms(version: string, platform: string): readonly PinnedProgram[] | undefined {
  const pin = NODE_PINS.find((each) => each.version === version || each.version.startsWith(`${version}.`));
  const architecture = architectureOf(platform);
  if (pin === undefined || architecture === undefined) return undefined;
  const node: PinnedProgram = {
    key: 'node',
    title: 'Node',
    version: pin.version,
    package: { name: `node-linux-${architecture}`, integrity: pin[architecture], sizeBytes: 190_000_000 },
    links: { node: 'bin/node' },
  };
  return [node, NPM];
}

/** Programs of the base that Debian's releases lack. Where one is not pinned for a platform, base goes without it. */
export function basePrograms(platform: string): readonly PinnedProgram[] {
  if (architectureOf(platform) !== 'x64') return [];
  const just: PinnedProgram = {
    key: 'just',
    title: 'just',
    version: '1.57.0',
    package: {
      name: 'rust-just-linux-x64',
      integrity: 'sha512-HWBdWzRxdDEgh/7LZGGJHF0ntEGTOGK33ANHOYPqXiWX82WztvVceasCs+oHOR0bZnWlTDouH61EJ+AD03MfxA==',
      sizeBytes: 6_400_000,
    },
    links: { just: 'bin/just' },
  };
  return [just];
}

/** npm's word for an engine's platform; undefined for one that nothing is pinned for. */
function architectureOf(platform: string): 'x64' | 'arm64' | undefined {
  if (platform === 'linux/amd64') return 'x64';
  return platform === 'linux/arm64' ? 'arm64' : undefined;
}

/** The key of an agent's platform packages; Debian has glibc. */
export function packagePlatform(platform: string): string {
  return `linux-${architectureOf(platform) ?? platform}`;
}

/** One text per program, over all that decides what it is. */
export function pinsOf(programs: readonly PinnedProgram[]): string[] {
  return programs.map((program) => `${program.key}@${program.version} ${JSON.stringify(program.package)}`);
}

/** What the Dockerfiles take as LINKS. */
export function linksOf(programs: readonly PinnedProgram[]): string {
  return programs
    .flatMap(({ key, links }) => Object.entries(links).map(([name, path]) => `${name}=/opt/ironcage/${key}/${path}`))
    .join(' ');
}

/** Fetches programs into a directory, each below its key, readable by every user. Throws E_AGENT_INSTALL or E_DISK_FULL. */
export async function addPrograms(
  context: Context,
  programs: readonly PinnedProgram[],
  directory: string,
): Promise<void> {
  for (const program of programs) {
    const temporary = mkdtempSync(`${directory}-`);
    try {
      await fetchPackage(program, program, program.package, temporary, thisMachine(), context);
      const target = join(directory, program.key);
      cpSync(join(temporary, 'node_modules', program.package.name), target, {
        recursive: true,
        verbatimSymlinks: true,
      });
      makeReadable(target, Object.values(program.links));
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
}

function makeReadable(directory: string, programs: readonly string[]): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, 0o755);
    else if (entry.isFile()) chmodSync(path, (statSync(path).mode & 0o111) === 0 ? 0o644 : 0o755);
  }
  for (const program of programs) chmodSync(join(directory, program), 0o755);
}
