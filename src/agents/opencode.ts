// opencode, an agent for many vendors. A cage of it may talk to those whose keys it has: Anthropic's and OpenAI's are taken
// when they are there; for others `--secret` and `--allow` name key and host. The cage is the sandbox: it asks nothing.
import { shippedInstall } from './agent-lock.ts';
import { claude } from './claude.ts';
import { codex } from './codex.ts';
import type { AgentProfile, HomeFile, PlatformRecipe } from './profile.ts';
import { createOpencodeReader } from './read-opencode.ts';

export const opencode: AgentProfile = {
  name: 'opencode',
  title: 'opencode',
  program: 'opencode',
  install: shippedInstall('opencode', {
    kind: 'npm',
    package: 'opencode-ai',
    platformPackages: {
      'linux-x64': platform('opencode-linux-x64'),
      'linux-x64-musl': platform('opencode-linux-x64-musl'),
      'linux-arm64': platform('opencode-linux-arm64'),
      'linux-arm64-musl': platform('opencode-linux-arm64-musl'),
    },
  }),
  hosts: [...claude.hosts, ...codex.hosts],
  bundles: [...claude.bundles, ...codex.bundles],
  secrets: [...claude.secrets, ...codex.secrets],
  env: {
    OPENCODE_DISABLE_AUTOUPDATE: 'true',
    OPENCODE_DISABLE_SHARE: 'true',
    // It has a list of models in itself; newer ones, language servers and plugins would come from hosts that are refused.
    OPENCODE_DISABLE_MODELS_FETCH: 'true',
    OPENCODE_DISABLE_LSP_DOWNLOAD: 'true',
    OPENCODE_DISABLE_DEFAULT_PLUGINS: 'true',
  },
  startArgv: (program, args) => [...program, ...args],
  homeFiles,
  headless: {
    argv(program, { model, resume, args }) {
      return [
        ...program,
        ...['run', '--format', 'json', '--thinking', '--auto'],
        ...(model === undefined ? [] : [`--model=${model}`]),
        ...(resume === undefined ? [] : [`--session=${resume}`]),
        ...args,
      ];
    },
    createReader: createOpencodeReader,
    canResume: true,
    hasModels: true,
    instructionsFile: '.config/opencode/AGENTS.md',
  },
};

function platform(name: string): PlatformRecipe {
  return { name, program: 'bin/opencode', sizeBytes: 184_000_000 };
}

/** Permissions are settings of its own, not arguments: a project's opencode.json may be stricter. */
function homeFiles(): HomeFile[] {
  const config = {
    $schema: 'https://opencode.ai/config.json',
    autoupdate: false,
    share: 'disabled',
    permission: 'allow',
  };
  return [{ path: '.config/opencode/opencode.json', content: `${JSON.stringify(config, undefined, 2)}\n` }];
}
