// Claude Code. The cage is the sandbox, so its own permission questions are off unless the user's arguments name a mode.
import { SHIPPED_LOCK, shippedInstall } from './agent-lock.ts';
import type { AgentProfile, HomeFile, HomeSeed } from './profile.ts';
import { createClaudeReader } from './read-claude.ts';

const API_HOST = 'api.anthropic.com';

/** Arguments by which the user has chosen how permissions are handled. */
const PERMISSION_FLAGS = [
  '--permission-mode',
  '--dangerously-skip-permissions',
  '--allow-dangerously-skip-permissions',
];

/** Arguments that print and end, and subcommands that take no session flags. */
const NO_SESSION = new Set([
  '--version',
  '-v',
  '--help',
  '-h',
  'agents',
  'auth',
  'config',
  'doctor',
  'install',
  'mcp',
  'plugin',
  'setup-token',
  'update',
]);

export const claude: AgentProfile = {
  name: 'claude',
  title: 'Claude Code',
  program: 'claude',
  install: shippedInstall('claude', {
    kind: 'npm',
    package: '@anthropic-ai/claude-code',
    platformPackages: {
      'linux-x64': {
        name: '@anthropic-ai/claude-code-linux-x64',
        program: 'claude',
        sizeBytes: 378_000_000,
      },
      'linux-arm64': {
        name: '@anthropic-ai/claude-code-linux-arm64',
        program: 'claude',
        sizeBytes: 378_000_000,
      },
      'linux-x64-musl': {
        name: '@anthropic-ai/claude-code-linux-x64-musl',
        program: 'claude',
        sizeBytes: 378_000_000,
      },
      'linux-arm64-musl': {
        name: '@anthropic-ai/claude-code-linux-arm64-musl',
        program: 'claude',
        sizeBytes: 378_000_000,
      },
    },
  }),
  hosts: [API_HOST],
  bundles: ['anthropic'],
  secrets: [
    {
      name: 'ANTHROPIC_API_KEY',
      hosts: [API_HOST],
      slots: [{ kind: 'header', name: 'x-api-key' }, { kind: 'bearer' }],
      placeholderPrefix: 'sk-ant-api03-',
      env: 'ANTHROPIC_API_KEY',
    },
  ],
  env: {
    // Covers telemetry, error reports, surveys, release notes and the updater's own requests.
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    DISABLE_TELEMETRY: '1',
    DISABLE_ERROR_REPORTING: '1',
    // The program is where ironcage put it; its own check would ask to repair that.
    DISABLE_INSTALLATION_CHECKS: '1',
  },
  startArgv(program, args) {
    const first = args[0];
    if (hasMode(args) || (first !== undefined && NO_SESSION.has(first))) return [...program, ...args];
    return [...program, '--dangerously-skip-permissions', ...args];
  },
  homeFiles,
  headless: {
    argv(program, { model, resume, maxCostUsd, args }) {
      return [
        ...program,
        ...['-p', '--output-format', 'stream-json', '--verbose'],
        ...(hasMode(args) ? [] : ['--dangerously-skip-permissions']),
        ...(model === undefined ? [] : [`--model=${model}`]),
        ...(resume === undefined ? [] : [`--resume=${resume}`]),
        // It counts what it spends itself, without the runs that it resumes; its price it tells only at its end.
        ...(maxCostUsd === undefined ? [] : [`--max-budget-usd=${maxCostUsd}`]),
        ...args,
      ];
    },
    createReader: createClaudeReader,
    canResume: true,
    hasModels: true,
    instructionsFile: '.claude/CLAUDE.md',
    serverArguments: ({ name, command }) => [
      `--mcp-config=${JSON.stringify({ mcpServers: { [name]: { command, args: [] } } })}`,
    ],
  },
};

function hasMode(args: readonly string[]): boolean {
  return args.some((arg) => PERMISSION_FLAGS.some((flag) => arg === flag || arg.startsWith(`${flag}=`)));
}

/** What a person answers at the first start: theme, trust in the project, the key in the environment, the bypass notice. */
function homeFiles(seed: HomeSeed): HomeFile[] {
  const key = seed.placeholders['ANTHROPIC_API_KEY'];
  const state = {
    hasCompletedOnboarding: true,
    lastOnboardingVersion: SHIPPED_LOCK.claude.version,
    // Releases before the settings key below kept it here.
    bypassPermissionsModeAccepted: true,
    officialMarketplaceAutoInstallAttempted: true,
    // Claude Code remembers an approved key by its last 20 characters.
    customApiKeyResponses: { approved: key === undefined ? [] : [key.slice(-20)], rejected: [] },
    projects: { [seed.project]: { hasTrustDialogAccepted: true } },
  };
  const settings = { theme: 'dark', skipDangerousModePermissionPrompt: true };
  return [
    { path: '.claude.json', content: `${JSON.stringify(state, undefined, 2)}\n` },
    { path: '.claude/settings.json', content: `${JSON.stringify(settings, undefined, 2)}\n` },
  ];
}
