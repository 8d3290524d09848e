// Codex, OpenAI's agent. The cage is the sandbox, so its own one, which cannot work inside another, and its questions are
// off unless the user's arguments choose a mode.
import { shippedInstall } from './agent-lock.ts';
import type { AgentProfile, HomeFile, HomeSeed, PlatformRecipe } from './profile.ts';
import { createCodexReader } from './read-codex.ts';

const API_HOST = 'api.openai.com';
const BYPASS = '--dangerously-bypass-approvals-and-sandbox';

/** Arguments by which the user has chosen how commands are run and who is asked. */
const MODE_FLAGS = ['--sandbox', '-s', '--ask-for-approval', '-a', '--approve-for-me', BYPASS];

/** Subcommands that hold a session, and take the flag behind their own name. */
const SESSIONS = new Set(['exec', 'e', 'resume', 'fork']);

/** Arguments that print and end, and subcommands that take no session flags. */
const NO_SESSION = new Set([
  '--version',
  '-V',
  '--help',
  '-h',
  'agents',
  'app-server',
  'apply',
  'a',
  'archive',
  'cloud',
  'completion',
  'debug',
  'delete',
  'doctor',
  'exec-server',
  'features',
  'help',
  'login',
  'logout',
  'mcp',
  'plugin',
  'queue',
  'remote-control',
  'review',
  'sandbox',
  'unarchive',
  'update',
]);

export const codex: AgentProfile = {
  name: 'codex',
  title: 'Codex',
  program: 'codex',
  install: shippedInstall('codex', {
    kind: 'npm',
    package: '@openai/codex',
    // The program is linked statically: one for either C library.
    platformPackages: {
      ...onBoth('linux-x64', 'x86_64-unknown-linux-musl'),
      ...onBoth('linux-arm64', 'aarch64-unknown-linux-musl'),
    },
  }),
  hosts: [API_HOST],
  bundles: ['openai'],
  secrets: [
    {
      name: 'OPENAI_API_KEY',
      hosts: [API_HOST],
      slots: [{ kind: 'bearer' }],
      placeholderPrefix: 'sk-proj-',
      env: 'OPENAI_API_KEY',
    },
  ],
  env: {},
  startArgv(program, args) {
    const [first = '', ...rest] = args;
    if (hasMode(args) || NO_SESSION.has(first)) return [...program, ...args];
    if (SESSIONS.has(first)) return [...program, first, BYPASS, ...rest];
    return [...program, BYPASS, ...args];
  },
  homeFiles,
  headless: {
    argv(program, { model, resume, args }) {
      const flags = [
        '--json',
        // It wants a git repository, as a way back; the cage is one.
        '--skip-git-repo-check',
        ...(hasMode(args) ? [] : [BYPASS]),
        ...(model === undefined ? [] : [`--model=${model}`]),
        ...args,
      ];
      // The prompt's place must be named: behind a session's id nothing would mean that there is none.
      if (resume === undefined) return [...program, 'exec', ...flags, '-'];
      return [...program, 'exec', 'resume', ...flags, resume, '-'];
    },
    createReader: createCodexReader,
    canResume: true,
    hasModels: true,
    instructionsFile: '.codex/AGENTS.md',
    // A value is TOML, whose strings and lists JSON's are. A server gets few variables but those that are named.
    serverArguments: ({ name, command, variables }) => [
      ...['-c', `mcp_servers.${name}.command=${JSON.stringify(command)}`],
      ...['-c', `mcp_servers.${name}.env_vars=${JSON.stringify(variables)}`],
    ],
  },
};

function hasMode(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const flags = end < 0 ? args : args.slice(0, end);
  return flags.some((arg) => MODE_FLAGS.some((flag) => arg === flag || arg.startsWith(`${flag}=`)));
}

/** One build under the names of both C libraries. */
function onBoth(platform: string, target: string): Readonly<Record<string, PlatformRecipe>> {
  const entry: PlatformRecipe = {
    name: `@openai/codex-${platform}`,
    program: `vendor/${target}/bin/codex`,
    companions: `vendor/${target}`,
    sizeBytes: 423_000_000,
  };
  return { [platform]: entry, [`${platform}-musl`]: entry };
}

/** What a person answers at the first start: the way to log in, trust in the project; and what it would tell others. */
function homeFiles(seed: HomeSeed): HomeFile[] {
  const key = seed.placeholders['OPENAI_API_KEY'];
  const config = [
    'check_for_update_on_startup = false',
    'cli_auth_credentials_store = "file"',
    '',
    '[analytics]',
    'enabled = false',
    '',
    '[feedback]',
    'enabled = false',
    '',
    '[features]',
    'api_key_model_discovery = false',
    'apps = false',
    'plugins = false',
    '',
    '[notice]',
    'hide_full_access_warning = true',
    '',
    // JSON's strings are TOML's too, for every path that is not broken text.
    `[projects.${JSON.stringify(seed.project)}]`,
    'trust_level = "trusted"',
    '',
  ].join('\n');
  const login = { auth_mode: 'apikey', OPENAI_API_KEY: key };
  return [
    { path: '.codex/config.toml', content: config },
    ...(key === undefined ? [] : [{ path: '.codex/auth.json', content: `${JSON.stringify(login, undefined, 2)}\n` }]),
  ];
}
