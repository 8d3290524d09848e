// The options that `run` and `create` share, and how they become the library's CageOptions. Values are handed on as
// typed: the library validates them. What the contract names and this version lacks is marked and refused.
import type { Flags } from './flags.ts';
import type { CageOptions } from './library.ts';
import type { OptionSpec } from './command.ts';

export const CAGE_OPTIONS: readonly OptionSpec[] = [
  { name: 'name', value: 'NAME', summary: 'name of the cage; default: the directory’s name and 8 hex digits' },
  {
    name: 'backend',
    value: 'BACKEND',
    choices: ['native', 'docker', 'podman', 'apple', 'vm', 'kubernetes'],
    summary: 'what isolates the cage',
  },
  {
    name: 'preset',
    value: 'PRESET',
    choices: ['safe', 'dev', 'locked', 'shared'],
    summary: 'a named set of choices; default: safe',
  },
  {
    name: 'workspace',
    value: 'MODE',
    choices: ['copy', 'mount', 'mount-ro'],
    summary: 'how the project gets in: a copy, or the project itself, guarded or read-only; default: copy',
  },
  {
    name: 'net',
    value: 'MODE',
    choices: ['filtered', 'ask', 'learn', 'open', 'none'],
    summary: 'how requests leave; default: filtered; open, of a container: nothing looks at them, nothing is recorded',
  },
  {
    name: 'allow',
    value: 'RULE',
    repeatable: true,
    summary: 'allow a host, *.host, host:port, "GET host/path/**", or a bundle such as npm',
  },
  {
    name: 'policy',
    value: 'FILE',
    repeatable: true,
    summary: 'a file of [[rule]] tables and [inspect] settings',
  },
  {
    name: 'route',
    value: 'HOST=ADDR:PORT[,ca=FILE]',
    repeatable: true,
    summary: 'send this host’s traffic there; policy and secrets apply as for HOST',
  },
  {
    name: 'secret',
    value: 'NAME',
    repeatable: true,
    summary: 'a secret of the store, else the host’s environment variable of that name',
  },
  {
    name: 'auth',
    value: 'MODE',
    choices: ['api-key', 'subscription', 'none'],
    summary: 'how the agent proves who pays',
  },
  { name: 'env', value: 'K=V', repeatable: true, summary: 'set a variable inside' },
  { name: 'env-file', value: 'FILE', repeatable: true, summary: 'set the variables of a file inside' },
  { name: 'mount', value: 'SRC[:DST][:ro]', repeatable: true, summary: 'show a file or directory of the host inside' },
  { name: 'memory', value: 'SIZE', summary: 'limit of memory, such as 4g' },
  { name: 'cpus', value: 'N', summary: 'limit of processors, such as 1.5' },
  { name: 'pids', value: 'N', summary: 'limit of processes' },
  { name: 'budget-cost', value: 'USD', summary: 'what all runs of the cage together may cost, as agents tell' },
  { name: 'budget-tokens', value: 'N', summary: 'how many tokens they may use' },
  { name: 'budget-time', value: 'SPAN', summary: 'how long they may run, such as 8h' },
  { name: 'budget-bytes', value: 'SIZE', summary: 'how much may leave the cage while they run' },
  {
    name: 'ssh',
    value: 'MODE',
    choices: ['none', 'agent', 'keys'],
    summary: 'how git may use SSH',
    notYet: { except: ['none'], hint: 'leave it out; git over https passes the egress once its host is allowed' },
  },
  {
    name: 'profile',
    value: 'NAME',
    summary: 'share the home of this name, logins and all, with every cage that names it; made when it is new',
  },
  {
    name: 'cache',
    value: 'NAME',
    repeatable: true,
    choices: ['npm', 'pnpm', 'pip', 'uv', 'cargo', 'go', 'maven', 'gradle', 'none'],
    summary: 'share this package cache with other cages; none: none, whatever config.toml says',
  },
  {
    name: 'port',
    value: '[HOST:]PORT[:CAGE_PORT]',
    repeatable: true,
    summary:
      'publish a port of the cage on this machine, on 127.0.0.1 unless an address is said; 0 takes any free port',
  },
  {
    name: 'add-dir',
    value: 'PATH',
    repeatable: true,
    summary: 'a further directory, at its own path inside, with a change of its own',
  },
  { name: 'branch', value: 'REF', summary: 'of a git URL: the branch or tag to start from; default: the remote’s' },
  { name: 'depth', value: 'N', summary: 'of a git URL: fetch no more than N commits of history; default: all' },
  {
    name: 'include-ignored',
    summary: 'take files along that git ignores and that look like secrets, such as .env; default: they stay out',
  },
  {
    name: 'image',
    value: 'REF',
    summary: 'image of a docker or podman cage; default: ours, built when it is not there',
  },
  {
    name: 'dockerfile',
    value: 'FILE',
    summary: 'build its image from this file; `ARG PARENT` and `FROM ${PARENT}` stand on ours',
  },
  { name: 'packages', value: 'A,B', repeatable: true, summary: 'Debian packages of a docker or podman cage' },
  { name: 'toolchain', value: 'NAME=VERSION', repeatable: true, summary: 'a toolchain of it, such as node=22' },
  {
    name: 'runtime',
    value: 'NAME',
    summary: 'OCI runtime of a docker or podman cage, such as crun or runsc; default: the engine’s own',
  },
  { name: 'sudo', summary: 'let programs of a rootful podman cage become root of their container' },
];

const TEXT_OPTIONS = [
  'name',
  'backend',
  'preset',
  'workspace',
  'net',
  'auth',
  'memory',
  'cpus',
  'pids',
  'image',
  'dockerfile',
  'profile',
  'runtime',
  'branch',
  'depth',
] as const;

/** The four options of a budget, by what they begin with. */
export function readBudget(flags: Flags, prefix: 'budget-' | 'max-'): NonNullable<CageOptions['budget']> {
  const budget: NonNullable<CageOptions['budget']> = {};
  for (const name of ['cost', 'tokens', 'time', 'bytes'] as const) {
    const value = flags.text(`${prefix}${name}`);
    if (value !== undefined) budget[name] = value;
  }
  return budget;
}

export function readCageOptions(flags: Flags, agent: string | undefined): CageOptions {
  const options: CageOptions = {
    allow: flags.list('allow'),
    policies: flags.list('policy'),
    routes: flags.list('route'),
    secrets: flags.list('secret'),
    env: flags.list('env'),
    envFiles: flags.list('env-file'),
    mounts: flags.list('mount'),
  };
  for (const name of TEXT_OPTIONS) {
    const value = flags.text(name);
    if (value !== undefined) options[name] = value;
  }
  const budget = readBudget(flags, 'budget-');
  if (Object.keys(budget).length > 0) options.budget = budget;
  const dirs = flags.list('add-dir');
  if (dirs.length > 0) options.dirs = dirs;
  const packages = flags.list('packages').flatMap((list) => list.split(','));
  if (packages.length > 0) options.packages = packages;
  const caches = flags.list('cache');
  if (caches.length > 0) options.caches = caches;
  const ports = flags.list('port');
  if (ports.length > 0) options.ports = ports;
  const toolchains = flags.list('toolchain');
  if (toolchains.length > 0) options.toolchains = toolchains;
  if (flags.on('sudo')) options.sudo = true;
  if (flags.on('include-ignored')) options.includeIgnored = true;
  if (agent !== undefined) options.agent = agent;
  return options;
}

/** Names of the options that say what a cage is to be, as far as they were given. */
export function givenCageOptions(flags: Flags): string[] {
  return CAGE_OPTIONS.filter(({ name, value, repeatable }) => {
    if (name === 'name') return false;
    if (value === undefined) return flags.on(name);
    return repeatable ? flags.list(name).length > 0 : flags.text(name) !== undefined;
  }).map(({ name }) => `--${name}`);
}
