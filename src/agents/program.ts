// Is this file the agent? Follows links and launcher scripts to the real program and says what the cage must see of it.
// Never names a directory that is not the agent's own package: a home, a configuration, a credential is never bound.
import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isInside } from '../platform/files.ts';
import type { Machine } from './machine.ts';
import { nodeRuntime } from './node-runtime.ts';
import type { AgentProfile, AgentProgram, PlatformPackage } from './profile.ts';

/** Version managers' stand-ins: one program under many names, which picks the real one by its own configuration. */
const SHIMS = new Set(['volta-shim', 'volta', 'mise', 'rtx', 'asdf', 'proto', 'proto-shim', 'nodenv']);

/** A launcher is a few lines; more is a program of its own. */
const MAX_LAUNCHER_BYTES = 64 * 1024;
const MAX_LAUNCHER_DEPTH = 3;

/** Directories that every cage has. */
const SYSTEM_DIRECTORIES = ['/usr', '/opt', '/bin', '/lib', '/lib64'];

/** The agent behind `path`, or undefined when that is not it, is broken, or cannot be used from a cage. */
export function readProgram(
  path: string,
  profile: AgentProfile,
  machine: Machine,
  depth = 0,
): AgentProgram | undefined {
  const file = realFile(path);
  if (file === undefined || SHIMS.has(basename(file))) return undefined;
  const home = enclosingPackage(file, profile);
  if (isElf(file)) return native(file, home?.version ?? versionFromName(file), profile, machine);
  if (home !== undefined) {
    const binary = platformBinary(home.directory, profile, machine);
    if (binary !== undefined) return native(binary, home.version, profile, machine);
    return isNodeScript(file) ? script(file, home, machine) : undefined;
  }
  const target = depth < MAX_LAUNCHER_DEPTH ? launcherTarget(file) : undefined;
  return target === undefined ? undefined : readProgram(target, profile, machine, depth + 1);
}

/** Paths that a cage does not have anyway. */
export function outsideSystem(paths: readonly string[]): string[] {
  return paths.filter((path) => !SYSTEM_DIRECTORIES.some((directory) => isInside(path, directory)));
}

/** What a cage must see for the program to work: the program, or the directory of its package that it needs around it. */
export function programRoot(file: string, platform: PlatformPackage | undefined): string {
  if (platform?.companions === undefined || !file.endsWith(`/${platform.name}/${platform.program}`)) return file;
  return resolve(file.slice(0, -platform.program.length), platform.companions);
}

function native(
  file: string,
  version: string | undefined,
  profile: AgentProfile,
  machine: Machine,
): AgentProgram | undefined {
  if (!isUsable(file, machine, 0o111)) return undefined;
  return {
    command: file,
    argv: [file],
    readOnly: outsideSystem([programRoot(file, profile.install?.platformPackages[machine.platform])]),
    interpreter: 'native',
    version,
    source: 'host',
  };
}

function script(file: string, home: PackageHome, machine: Machine): AgentProgram | undefined {
  if (!isUsable(file, machine, 0o444)) return undefined;
  const node = nodeRuntime(machine);
  return {
    command: file,
    argv: [node.program, file],
    readOnly: [...outsideSystem([home.directory]), ...node.readOnly],
    interpreter: 'node',
    version: home.version,
    source: 'host',
  };
}

/** As root the cage runs under another uid: what only its owner may read is no use there. */
function isUsable(file: string, machine: Machine, bits: number): boolean {
  const mode = statSync(file).mode;
  return (mode & bits) !== 0 && (!machine.root || (mode & 0o004) !== 0);
}

interface PackageHome {
  directory: string;
  version: string | undefined;
}

/** The agent's package around a file, known by the name in its package.json and by its place in a node_modules directory. */
function enclosingPackage(file: string, profile: AgentProfile): PackageHome | undefined {
  const install = profile.install;
  if (install === undefined) return undefined;
  const platforms = Object.values(install.platformPackages);
  for (let directory = dirname(file); directory !== '/'; directory = dirname(directory)) {
    const manifest = readManifest(join(directory, 'package.json'));
    if (manifest === undefined) continue;
    const { name } = manifest;
    const isOwn =
      (name === install.package && directory.endsWith(`/node_modules/${name}`)) ||
      platforms.some(
        (platform) =>
          name === (platform.published?.name ?? platform.name) && directory.endsWith(`/node_modules/${platform.name}`),
      );
    return isOwn ? { directory, version: manifest.version } : undefined;
  }
  return undefined;
}

function readManifest(path: string): { name: string; version: string | undefined } | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('name' in value) || typeof value.name !== 'string')
      return undefined;
    return {
      name: value.name,
      version: 'version' in value && typeof value.version === 'string' ? value.version : undefined,
    };
  } catch {
    // No package starts here, or one that cannot be read: the search goes on upwards.
    return undefined;
  }
}

/** The platform package beside or inside the agent's package, for installs whose own post-install step did not run. */
function platformBinary(directory: string, profile: AgentProfile, machine: Machine): string | undefined {
  const platform = profile.install?.platformPackages[machine.platform];
  if (platform === undefined || profile.install === undefined) return undefined;
  const scopeDepth = profile.install.package.split('/').length;
  const modules = join(directory, ...Array.from({ length: scopeDepth }, () => '..'));
  for (const root of [modules, join(directory, 'node_modules')]) {
    const file = realFile(join(root, platform.name, platform.program));
    if (file !== undefined && isElf(file)) return file;
  }
  return undefined;
}

/** What a launcher script of pnpm, npm or the agent's own installer hands over to. */
function launcherTarget(file: string): string | undefined {
  if (statSync(file).size > MAX_LAUNCHER_BYTES) return undefined;
  const text = readFileSync(file, 'utf8');
  if (!text.startsWith('#!')) return undefined;
  // The word before the handed-on arguments is the program; the last such line wins, pnpm's alternative to it is a Node
  // beside the launcher. A shim has a bare name there.
  let target: string | undefined;
  for (const match of text.matchAll(/(?:^|\s)"?(\$basedir)?(\/[^"\s$`\\]+)"?[ \t]+"\$@"[ \t]*$/gm)) {
    target = match[1] === undefined ? match[2] : join(dirname(file), match[2] ?? '');
  }
  return target;
}

function realFile(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    return statSync(real).isFile() ? real : undefined;
  } catch {
    // Absent, a loop, or not ours to read: not a program that a cage could use.
    return undefined;
  }
}

function isElf(file: string): boolean {
  return head(file, 4).equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46]));
}

function isNodeScript(file: string): boolean {
  return /\.[cm]?js$/.test(file) || /^#!.*\bnode\b/.test(head(file, 128).toString('latin1'));
}

function head(file: string, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    // Not ours to read: it has no head that we know.
    return Buffer.alloc(0);
  }
  try {
    return buffer.subarray(0, readSync(fd, buffer, 0, bytes, 0));
  } finally {
    closeSync(fd);
  }
}

/** The native installer names the program by its version. */
function versionFromName(file: string): string | undefined {
  return /^\d+\.\d+\.\d+$/.test(basename(file)) ? basename(file) : undefined;
}
