// Gemini CLI, Google's agent: a script of Node's. The cage is the sandbox, so its questions are off unless the user's
// arguments choose a mode, and its own sandbox, which would want a container engine, is never on.
import { shippedInstall } from './agent-lock.ts';
import type { AgentProfile, HomeFile } from './profile.ts';
import { createGeminiReader } from './read-gemini.ts';

const API_HOST = 'generativelanguage.googleapis.com';

/** Arguments by which the user has chosen who is asked. */
const MODE_FLAGS = ['--approval-mode', '--yolo', '-y'];

/** Arguments that print and end, and subcommands that take no session flags. */
const NO_SESSION = new Set([
  '--version',
  '-v',
  '--help',
  '-h',
  'mcp',
  'extensions',
  'extension',
  'skills',
  'hooks',
  'gemma',
]);

const PACKAGE = {
  name: '@google/gemini-cli',
  program: 'bundle/gemini.js',
  // Its parts lie beside it, and its package.json says of what kind they are.
  companions: '.',
  interpreter: 'node',
  sizeBytes: 99_000_000,
} as const;

export const gemini: AgentProfile = {
  name: 'gemini',
  title: 'Gemini CLI',
  program: 'gemini',
  install: shippedInstall('gemini', {
    kind: 'npm',
    package: '@google/gemini-cli',
    platformPackages: {
      'linux-x64': PACKAGE,
      'linux-x64-musl': PACKAGE,
      'linux-arm64': PACKAGE,
      'linux-arm64-musl': PACKAGE,
    },
  }),
  hosts: [API_HOST],
  bundles: ['google-ai'],
  secrets: [
    {
      name: 'GEMINI_API_KEY',
      hosts: [API_HOST],
      slots: [{ kind: 'header', name: 'x-goog-api-key' }],
      placeholderPrefix: 'AIzaSy-ironcage-',
      env: 'GEMINI_API_KEY',
    },
  ],
  env: {
    GEMINI_SANDBOX: 'false',
    // It would start itself a second time, to give Node more memory.
    GEMINI_CLI_NO_RELAUNCH: 'true',
    GEMINI_CLI_TRUST_WORKSPACE: 'true',
  },
  startArgv(program, args) {
    if (hasMode(args) || NO_SESSION.has(args[0] ?? '')) return [...program, ...args];
    return [...program, '--yolo', ...args];
  },
  homeFiles,
  headless: {
    argv(program, { model, resume, args }) {
      return [
        ...program,
        ...['--output-format', 'stream-json'],
        ...(hasMode(args) ? [] : ['--yolo']),
        ...(model === undefined ? [] : [`--model=${model}`]),
        ...(resume === undefined ? [] : [`--resume=${resume}`]),
        ...args,
      ];
    },
    createReader: createGeminiReader,
    canResume: true,
    hasModels: true,
    instructionsFile: '.gemini/GEMINI.md',
  },
};

function hasMode(args: readonly string[]): boolean {
  return args.some((arg) => MODE_FLAGS.some((flag) => arg === flag || arg.startsWith(`${flag}=`)));
}

/** What a person answers at the first start: theme, the way to log in, trust; and what it would tell others. */
function homeFiles(): HomeFile[] {
  const settings = {
    general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
    ui: { theme: 'Default', hideBanner: true },
    ide: { enabled: false, hasSeenNudge: true },
    privacy: { usageStatisticsEnabled: false },
    telemetry: { enabled: false },
    // The cage is the boundary; its question would be asked anew for every project.
    security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
  };
  return [{ path: '.gemini/settings.json', content: `${JSON.stringify(settings, undefined, 2)}\n` }];
}
