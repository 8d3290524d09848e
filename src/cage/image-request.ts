// What the user wants in an image, in words, checked before an engine is asked: a word that reaches a Dockerfile's shell
// is a package's name or a version, and nothing else.
import type { AgentLock } from '../agents/agent-lock.ts';
import type { EngineKind } from '../backends/backend.ts';
import type { ImageTier } from '../backends/container/image-build.ts';
import { IronError } from '../platform/errors.ts';
import type { Environment } from '../platform/environment.ts';
import { IMAGE_AGENTS, findImageAgent, type ImageAgent } from './image-agents.ts';

export interface ImageRequest {
  /** Default: every tier that the other choices need. */
  tiers?: readonly string[];
  /** Default: Docker where it answers, else Podman. */
  engine?: EngineKind | undefined;
  /** The Debian below everything. Default: debian:bookworm-slim. */
  base?: string | undefined;
  /** Debian packages. */
  packages?: readonly string[];
  /** `node=22`. */
  toolchains?: readonly string[];
  agents?: readonly string[];
  /** Absolute path of a Dockerfile, built on top of all of these or, where it says so, of another image. */
  dockerfile?: string | undefined;
  /** `NAME=VALUE`, or `NAME` with the value of the environment. */
  buildArguments?: readonly string[];
  force?: boolean;
  /** Ask the registry for a newer base first. */
  pull?: boolean;
  /** Versions of agents that count instead of those of the user's lock. */
  agentLock?: AgentLock;
}

export interface Toolchain {
  name: ToolchainName;
  version: string;
}

export interface ImageWishes {
  tiers: ReadonlySet<ImageTier>;
  /** Tiers to build although they are there. */
  forced: ReadonlySet<ImageTier>;
  base: string;
  packages: readonly string[];
  toolchains: readonly Toolchain[];
  agents: readonly ImageAgent[];
  /** Everything that was given. */
  buildArguments: Readonly<Record<string, string>>;
  /** Those of them that every tier takes. */
  proxies: Readonly<Record<string, string>>;
}

const TIERS: readonly ImageTier[] = ['base', 'toolchain', 'agent'];
const TOOLCHAINS = ['node', 'python', 'go', 'rust', 'java'] as const;
type ToolchainName = (typeof TOOLCHAINS)[number];

const DEFAULT_BASE = 'debian:bookworm-slim';

/** A package as Debian's policy names it, and perhaps the one version of it. */
const PACKAGE = /^[a-z0-9][a-z0-9+.-]+(?:=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?$/;
const VERSION = /^\d{1,4}(?:\.\d{1,4}){0,2}$/;
const IMAGE = /^[a-z0-9][A-Za-z0-9._:/@-]*$/;

/** What a build may be told from outside: how to reach the network, and what the Dockerfiles offer. */
const PROXIES: readonly string[] = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap(
  (name) => [name, name.toLowerCase()],
);
const BUILD_ARGUMENTS: readonly string[] = ['UV', ...PROXIES];

/** Throws E_USAGE, or E_NO_AGENT. */
export function checkImageRequest(request: ImageRequest, environment: Environment): ImageWishes {
  const named = (request.tiers ?? []).map(checkTier);
  const packages = [...new Set(request.packages ?? [])].map(checkPackage).sort();
  const toolchains = checkToolchains(request.toolchains ?? []);
  const base = request.base ?? DEFAULT_BASE;
  if (!IMAGE.test(base)) throw usage(`${JSON.stringify(base)} names no image`, `the default is ${DEFAULT_BASE}`);
  const agents = (request.agents ?? []).map(findImageAgent);
  const hasToolchain = packages.length + toolchains.length > 0;
  if (named.includes('toolchain') && !hasToolchain) {
    throw usage('the tier toolchain needs something in it', 'add --packages NAME,… or --toolchain node=22');
  }
  const tiers = new Set<ImageTier>(
    named.length > 0
      ? named
      : ['base', ...(hasToolchain ? ['toolchain' as const] : []), ...(agents.length > 0 ? ['agent' as const] : [])],
  );
  const buildArguments = checkBuildArguments(request.buildArguments ?? [], environment);
  return {
    tiers,
    forced: request.force === true ? tiers : new Set(),
    base,
    packages,
    toolchains,
    agents: tiers.has('agent') && agents.length === 0 ? IMAGE_AGENTS : [...new Set(agents)],
    buildArguments,
    proxies: Object.fromEntries(Object.entries(buildArguments).filter(([name]) => PROXIES.includes(name))),
  };
}

function checkTier(text: string): ImageTier {
  const tier = TIERS.find((each) => each === text);
  if (tier !== undefined) return tier;
  throw usage(`there is no tier ${JSON.stringify(text)}`, `the tiers are: ${TIERS.join(', ')}`);
}

function checkPackage(text: string): string {
  if (PACKAGE.test(text)) return text;
  throw usage(`${JSON.stringify(text)} is no name of a Debian package`, 'write names with commas: --packages a,b');
}

function checkToolchains(texts: readonly string[]): Toolchain[] {
  const toolchains = texts.map((text) => {
    const [, word = '', version = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    const name = TOOLCHAINS.find((each) => each === word);
    if (name !== undefined && VERSION.test(version)) return { name, version };
    throw usage(
      `${JSON.stringify(text)} is no toolchain`,
      `write NAME=VERSION, such as node=22; the names are: ${TOOLCHAINS.join(', ')}`,
    );
  });
  for (const name of TOOLCHAINS) {
    if (toolchains.filter((each) => each.name === name).length > 1) {
      throw usage(`two versions of ${name} do not go into one image`, `name ${name} once`);
    }
  }
  return toolchains.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function checkBuildArguments(texts: readonly string[], environment: Environment): Record<string, string> {
  const values: Record<string, string> = {};
  for (const text of texts) {
    const end = text.indexOf('=');
    const name = end < 0 ? text : text.slice(0, end);
    if (!BUILD_ARGUMENTS.includes(name)) {
      throw usage(
        `the images take no build argument ${JSON.stringify(name)}`,
        `they take: ${BUILD_ARGUMENTS.join(', ')}; anything else belongs into an image of your own (--base)`,
      );
    }
    const value = end < 0 ? environment[name] : text.slice(end + 1);
    if (value === undefined) throw usage(`${name} is not set`, `set it, or write --build-arg ${name}=VALUE`);
    values[name] = value;
  }
  return values;
}

function usage(message: string, hint: string): IronError {
  return new IronError('E_USAGE', { message, hint });
}
