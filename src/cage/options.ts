// The flags of `run` and `create`, turned into one complete value: nobody behind this file asks for a default again.
import { readFileSync } from 'node:fs';
import { isAbsolute, normalize, resolve } from 'node:path';
import { isIP } from 'node:net';
import { IronError, errorMessage } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import { normaliseHost } from '../policy/hosts.ts';
import type { InspectionSettings, Rule } from '../policy/types.ts';
import { ENGINE_KINDS, type Bind, type EngineKind, type LimitRequest } from '../backends/backend.ts';
import type { EgressRoute } from '../egress/config.ts';
import type { Environment } from '../platform/environment.ts';
import { parseBudget, type BudgetOptions } from './budget.ts';
import type { Budget } from './budget-schema.ts';
import { checkVariable, readEnvFile } from './env-file.ts';
import { parseCageName, parseHomeProfileName } from './names.ts';
import { parseCacheNames, type CacheName } from './package-caches.ts';
import type { WantedPort } from './published-port.ts';
import { parsePorts } from './wanted-ports.ts';
import type { CageSpec } from './spec.ts';

/** The flags as typed, split into words but not looked at. */
export interface CageOptions {
  name?: string | undefined;
  backend?: string | undefined;
  preset?: string | undefined;
  workspace?: string | undefined;
  net?: string | undefined;
  auth?: string | undefined;
  allow: readonly string[];
  /** Rule files. */
  policies?: readonly string[] | undefined;
  routes: readonly string[];
  secrets: readonly string[];
  env: readonly string[];
  envFiles: readonly string[];
  mounts: readonly string[];
  /** Paths of further directories. */
  dirs?: readonly string[] | undefined;
  ports?: readonly string[] | undefined;
  memory?: string | undefined;
  cpus?: string | undefined;
  pids?: string | undefined;
  /** Of all its runs together. */
  budget?: BudgetOptions | undefined;
  /** Of a container. */
  image?: string | undefined;
  dockerfile?: string | undefined;
  packages?: readonly string[] | undefined;
  toolchains?: readonly string[] | undefined;
  /** Name of the home that it shares with others. */
  profile?: string | undefined;
  /** Package caches that it shares with others. */
  caches?: readonly string[] | undefined;
  /** OCI runtime of a container. */
  runtime?: string | undefined;
  /** Its user may become root of its container. */
  sudo?: boolean | undefined;
  /** Of a git URL: what is checked out, and how many commits of history there are. */
  branch?: string | undefined;
  depth?: string | undefined;
  /** Also what git ignores and looks like a secret. */
  includeIgnored?: boolean | undefined;
  /** Profile the cage is for. */
  agent?: string | undefined;
}

/** An image by its name, or one that ironcage builds. */
export type ImageChoice = { reference: string } | BuiltChoice;

interface BuiltChoice {
  packages: readonly string[];
  toolchains: readonly string[];
  /** Absolute path. */
  dockerfile?: string;
}

/** A directory that a cage is to have besides its project. */
export interface WantedDir {
  /** As it was typed. */
  path: string;
  /** Default: after the directory. */
  name?: string | undefined;
}

/** The same, checked and complete. */
export interface CageRequest {
  name: string | undefined;
  backend: 'native' | EngineKind;
  /** Of a container. */
  image: ImageChoice | undefined;
  /** OCI runtime of a container; undefined: the engine's own. */
  runtime: string | undefined;
  sudo: boolean;
  preset: 'safe';
  workspace: CageSpec['workspace'];
  net: CageSpec['net'];
  auth: 'api-key' | 'none';
  /** Named by the command: on its line first, then in files. */
  rules: readonly Rule[];
  inspection: Partial<InspectionSettings>;
  routes: readonly EgressRoute[];
  secrets: readonly string[];
  env: Readonly<Record<string, string>>;
  binds: readonly Bind[];
  dirs: readonly WantedDir[];
  profile: string | undefined;
  /** Undefined: what the user's settings say. */
  caches: readonly CacheName[] | undefined;
  ports: readonly WantedPort[];
  limits: LimitRequest;
  budget: Budget;
  branch: string | undefined;
  depth: number | undefined;
  includeIgnored: boolean;
}

/** Bound on the number of processes of a cage: what no build reaches and every fork bomb does. */
const DEFAULT_PIDS = 4096;

/** Words of the contract whose mechanism this version does not have: a wanted thing that is lacking is an error. */
const NOT_YET: Readonly<Record<string, readonly string[]>> = {
  backend: ['apple', 'vm', 'kubernetes'],
  preset: ['dev', 'locked', 'shared'],
  auth: ['subscription'],
};

/** All but the rules, which rule-input.ts reads. Throws E_USAGE (or E_NAME) for the first option that is wrong, E_PROTECTION for one this version lacks. */
export function parseOptions(
  options: CageOptions,
  environment: Environment,
  cwd: string,
): Omit<CageRequest, 'rules' | 'inspection'> {
  return {
    name: options.name === undefined ? undefined : parseCageName(options.name),
    backend: choose('backend', options.backend, ['native', ...ENGINE_KINDS]),
    image: parseImage(options, cwd),
    runtime: parseRuntime(options),
    sudo: parseSudo(options),
    preset: choose('preset', options.preset, ['safe']),
    workspace: choose('workspace', options.workspace, ['copy', 'mount', 'mount-ro']),
    net: choose('net', options.net, ['filtered', 'ask', 'learn', 'none', 'open']),
    // Where no egress puts a key in, a placeholder is worth nothing.
    auth: choose('auth', options.auth ?? (options.net === 'open' ? 'none' : undefined), ['api-key', 'none']),
    routes: options.routes.map((text) => parseRoute(text, cwd)),
    secrets: options.secrets.map(parseSecretName),
    env: parseEnvironment(options, environment, cwd),
    binds: options.mounts.map((text) => parseMount(text, cwd)),
    dirs: (options.dirs ?? []).map((path) => ({ path })),
    ...parseShared(options),
    ports: parsePorts(options.ports ?? []),
    limits: {
      memoryBytes: options.memory === undefined ? undefined : parseBytes(options.memory),
      pids: options.pids === undefined ? DEFAULT_PIDS : parseCount('--pids', options.pids),
      cpus: options.cpus === undefined ? undefined : parseCpus(options.cpus),
    },
    budget: parseBudget(options.budget ?? {}, '--budget-'),
    branch: options.branch === undefined ? undefined : parseBranch(options.branch),
    depth: options.depth === undefined ? undefined : parseDepth(options.depth),
    includeIgnored: parseIncludeIgnored(options),
  };
}

/** A name of a branch or tag, such as git can have. */
function parseBranch(text: string): string {
  if (/^[^\s\p{Cc}~^:?*[\\-][^\s\p{Cc}~^:?*[\\]*$/u.test(text)) return text;
  throw usage(`--branch ${JSON.stringify(text)} is no name of a branch or tag`, 'example: --branch release/2.1');
}

function parseDepth(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usage(`--depth cannot be ${JSON.stringify(text)}`, 'write how many commits of history are wanted, such as 1');
}

function parseIncludeIgnored({ includeIgnored = false, workspace = 'copy' }: CageOptions): boolean {
  if (!includeIgnored || workspace === 'copy') return includeIgnored;
  throw usage('--include-ignored is for a copy of the project', 'leave it out, or leave --workspace out');
}

function parseShared({ profile, caches }: CageOptions): Pick<CageRequest, 'profile' | 'caches'> {
  const named = caches === undefined ? undefined : parseCacheNames(caches);
  if (profile !== undefined && named !== undefined && named.length > 0) {
    throw usage(
      '--profile shares the whole home, caches and all, and --cache parts of a home of the cage’s own',
      'leave one of the two out',
    );
  }
  return { profile: profile === undefined ? undefined : parseHomeProfileName(profile), caches: named };
}

/** Which image a container is to be of. Undefined for a native cage. */
function parseImage(
  { image, dockerfile, packages, toolchains, backend = 'native' }: CageOptions,
  cwd: string,
): ImageChoice | undefined {
  const isBuilt = dockerfile !== undefined || packages !== undefined || toolchains !== undefined;
  if (backend === 'native') {
    if (image === undefined && !isBuilt) return undefined;
    throw usage(
      '--image, --dockerfile, --packages and --toolchain are for cages that are containers',
      'add --backend docker or --backend podman; a native cage has the programs of this machine',
    );
  }
  if (image === undefined) {
    const file = dockerfile === undefined ? {} : { dockerfile: resolve(cwd, dockerfile) };
    return { packages: packages ?? [], toolchains: toolchains ?? [], ...file };
  }
  if (isBuilt) {
    throw usage(
      '--dockerfile, --packages and --toolchain build an image of their own, which --image is not',
      'leave --image out, or build upon it: ironcage build --base IMAGE --packages A,B',
    );
  }
  if (/^[A-Za-z0-9][\w.\-/:@]{0,255}$/.test(image)) return { reference: image };
  throw usage(`--image ${JSON.stringify(image)} is no reference of an image`, 'example: --image debian:bookworm-slim');
}

function parseSudo({ sudo = false, backend = 'native', profile, caches }: CageOptions): boolean {
  if (sudo && backend === 'native') {
    throw usage('--sudo is for cages that are containers', 'add --backend podman; a native cage has no root to become');
  }
  if (sudo && (profile !== undefined || caches !== undefined)) {
    throw usage('--sudo does not go with a shared home or shared caches', 'leave --profile and --cache out');
  }
  return sudo;
}

/** A name that an engine may know, or the path of a program. */
function parseRuntime({ runtime, backend = 'native' }: CageOptions): string | undefined {
  if (runtime === undefined) return undefined;
  if (backend === 'native') {
    throw usage(
      '--runtime is for cages that are containers',
      'add --backend docker or --backend podman; a native cage has no OCI runtime',
    );
  }
  if (/^[A-Za-z0-9/][\w.+/-]{0,255}$/.test(runtime)) return runtime;
  throw usage(`--runtime ${JSON.stringify(runtime)} is no name of a runtime`, 'example: --runtime runsc');
}

function choose<T extends string>(option: string, value: string | undefined, known: readonly [T, ...T[]]): T {
  if (value === undefined) return known[0];
  const found = known.find((word) => word === value);
  if (found !== undefined) return found;
  if (NOT_YET[option]?.includes(value) === true) {
    throw new IronError('E_PROTECTION', {
      message: `--${option} ${value} is not available in this version`,
      because: 'ironcage does not replace what was asked for by something weaker or different',
      hint: `use --${option} ${known.join('|')}`,
    });
  }
  throw usage(`--${option} cannot be ${JSON.stringify(value)}`, `choose one of: ${known.join(', ')}`);
}

function parseRoute(text: string, cwd: string): EgressRoute {
  const match = /^([^=,]+)=(\[[0-9a-fA-F:.]+\]|[^:,]+):(\d{1,5})(?:,ca=(.+))?$/.exec(text);
  const host = match?.[1] === undefined ? undefined : normaliseHost(match[1]);
  const address = match?.[2]?.replace(/^\[|\]$/g, '') ?? '';
  const port = Number(match?.[3]);
  if (host === undefined || isIP(address) === 0 || !isPort(port)) {
    throw usage(
      `--route ${JSON.stringify(text)} is not HOST=ADDR:PORT[,ca=FILE]`,
      'example: --route api.anthropic.com=127.0.0.1:8443,ca=ca.pem',
    );
  }
  const file = match?.[4];
  if (file === undefined) return { host, address, port };
  try {
    return { host, address, port, caPem: readFileSync(resolve(cwd, file), 'utf8') };
  } catch (error) {
    throw usage(`the certificate file of --route cannot be read: ${errorMessage(error)}`, 'name a PEM file after ca=');
  }
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}

function parseSecretName(text: string): string {
  if (/^[A-Z][A-Z0-9_]{0,63}$/.test(text)) return text;
  // What stands behind an equals sign would be the value.
  const [shown = ''] = text.split('=');
  throw usage(
    `--secret ${JSON.stringify(shown)} is no name of a secret`,
    'names look like GITHUB_TOKEN; the value comes from `ironcage secret set`',
  );
}

function parseEnvironment(options: CageOptions, environment: Environment, cwd: string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const file of options.envFiles) {
    const variables = readEnvFile(resolve(cwd, file));
    if (variables === undefined) {
      throw usage(`there is no file ${file} for --env-file`, 'name a file with lines NAME=value');
    }
    Object.assign(result, variables);
  }
  for (const text of options.env) {
    const split = text.indexOf('=');
    const name = checkVariable(split < 0 ? text : text.slice(0, split), text);
    const value = split < 0 ? environment[name] : text.slice(split + 1);
    if (value === undefined) throw usage(`--env ${name}: there is no such variable here`, `write --env ${name}=value`);
    result[name] = value;
  }
  return result;
}

function parseMount(text: string, cwd: string): Bind {
  const [source = '', ...rest] = text.split(':');
  const readOnly = rest.at(-1) === 'ro';
  const [target, ...extra] = readOnly ? rest.slice(0, -1) : rest;
  const real = resolve(cwd, source);
  if (
    source === '' ||
    extra.length > 0 ||
    (target !== undefined && (!isAbsolute(target) || normalize(target) !== target || target === '/'))
  ) {
    throw usage(`--mount ${JSON.stringify(text)} is not SRC[:DST][:ro]`, 'example: --mount ../fixtures:/data:ro');
  }
  if (!pathExists(real))
    throw usage(`--mount: there is nothing at ${real}`, 'name a file or directory of this machine');
  return { source: real, target: target ?? real, writable: !readOnly };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const LEAST_MEMORY_BYTES = 16 * 2 ** 20;

function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  const bytes = Math.round(Number(match?.[1]) * (UNITS[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN));
  if (Number.isSafeInteger(bytes) && bytes >= LEAST_MEMORY_BYTES) return bytes;
  throw usage(`--memory cannot be ${JSON.stringify(text)}`, 'write a size of 16m or more, such as 512m or 4g');
}

function parseCount(option: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 8 && value <= 4_194_304) return value;
  throw usage(`${option} cannot be ${JSON.stringify(text)}`, 'write a whole number from 8 on, such as 512');
}

function parseCpus(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= 0.01 && value <= 1024) return value;
  throw usage(`--cpus cannot be ${JSON.stringify(text)}`, 'write a number such as 1.5');
}

function usage(message: string, hint: string): IronError {
  return new IronError('E_USAGE', { message, hint });
}
