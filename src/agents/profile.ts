// What ironcage knows about an agent, as data: a new agent is one file of this shape and one line in profiles.ts.
// A profile decides nothing and touches nothing; locate.ts, install.ts and the cage read it.
import type { Rule } from '../policy/types.ts';
import type { SecretSlot } from '../secrets/types.ts';
import type { StreamReader } from './events.ts';

export interface AgentProfile {
  /** What the user types: `ironcage run NAME`. */
  name: string;
  /** The product's own name, for people. */
  title: string;
  /** The program's name on PATH. */
  program: string;
  /** How to get it where the host has none. Absent: it is part of the system and cannot be installed by ironcage. */
  install?: AgentInstall;
  /** Hosts it talks to in order to work at all. */
  hosts: readonly string[];
  /** Policy bundles that it needs. */
  bundles: readonly string[];
  /** Rules that it needs beside them. Absent: none. */
  rules?: readonly Rule[];
  secrets: readonly AgentSecret[];
  /** Environment inside the cage, beside the secrets' placeholders. */
  env: Readonly<Record<string, string>>;
  /** The whole argv. `program` is the argv that starts the agent without arguments, `args` is what the user wrote behind `--`. */
  startArgv(program: readonly string[], args: readonly string[]): string[];
  /** Files put into a fresh home so that the first start asks nothing. */
  homeFiles(seed: HomeSeed): readonly HomeFile[];
  /** How it works unattended. Absent: it cannot. */
  headless?: HeadlessProfile;
}

/** One run without a person: the prompt comes by standard input, events go to standard output. */
export interface HeadlessProfile {
  /** The whole argv. The prompt is in none of it. */
  argv(program: readonly string[], request: HeadlessRequest): string[];
  createReader(): StreamReader;
  /** Whether `resume` is understood. */
  canResume: boolean;
  /** Whether `model` is understood. */
  hasModels: boolean;
  /** File relative to the home from which it takes standing instructions. Absent: they go ahead of the prompt. */
  instructionsFile?: string;
  /** Its prompt is the input of a program, not words: it is told of nothing. */
  promptIsInput?: true;
  /** Arguments by which it is told of a server of the Model Context Protocol that it is to start. Absent: it cannot be. */
  serverArguments?(server: ToolServer): string[];
}

export interface ToolServer {
  name: string;
  /** Absolute, inside. */
  command: string;
  /** Variables of the agent's that it needs. */
  variables: readonly string[];
}

interface HeadlessRequest {
  model?: string | undefined;
  /** The agent's own id of the session to go on with, from a `session` event. */
  resume?: string | undefined;
  /** Most that it may cost, for an agent that can hold itself to that; it is held to it from outside all the same. */
  maxCostUsd?: number | undefined;
  /** More arguments of the user's. */
  args: readonly string[];
}

/** One self-contained package of the npm registry per platform. */
export interface AgentRecipe {
  kind: 'npm';
  /** The package that people install by hand; a host's own copy is recognised by this name. */
  package: string;
  /** Platform key (`linux-x64`, `linux-arm64-musl`, …) to the package that holds the program. */
  platformPackages: Readonly<Record<string, PlatformRecipe>>;
}

/** The same, pinned by version and by content as a lock says. */
export interface AgentInstall extends AgentRecipe {
  /** Exact version. */
  version: string;
  platformPackages: Readonly<Record<string, PlatformPackage>>;
}

export interface PlatformPackage extends PlatformRecipe {
  /** Where `name` is an alias: the package's name in the registry and the version that it has there. */
  published?: { name: string; version: string };
  /** Subresource-integrity text of the registry's tarball. */
  integrity: string;
}

export interface PlatformRecipe {
  /** Directory below node_modules. */
  name: string;
  /** Path of the program within the package. */
  program: string;
  /** Directory around the program, within the package, that it needs as a whole. Absent: the program stands alone. */
  companions?: string;
  /** `node`: the program is a script of Node's. Absent: it is a program of its own. */
  interpreter?: 'node';
  /** Bytes on disk, roughly; shown while it is fetched. */
  sizeBytes: number;
}

export interface AgentSecret {
  name: string;
  hosts: readonly string[];
  slots: readonly SecretSlot[];
  /** Begins the placeholder, so that the client's own shape check is content. */
  placeholderPrefix: string;
  /** The variable inside the cage that carries the placeholder. */
  env: string;
}

export interface HomeSeed {
  /** The project's absolute path inside the cage. */
  project: string;
  /** Placeholders by secret name; a secret that the cage does not have is missing. */
  placeholders: Readonly<Record<string, string>>;
}

export interface HomeFile {
  /** Relative to the home. */
  path: string;
  content: string;
}

/** An agent's program as the cage will find it: same absolute paths outside and inside. */
export interface AgentProgram {
  /** Absolute real path of the program. */
  command: string;
  /** Starts it: the command, or an interpreter and the command. */
  argv: readonly string[];
  /** Host paths to bind read-only at the same path; those below /usr and /opt are left out, they are in every cage. */
  readOnly: readonly string[];
  interpreter: 'native' | 'node';
  version: string | undefined;
  /** `host`: the user's own install. `installed`: in ironcage's agents directory. */
  source: 'host' | 'installed';
}
