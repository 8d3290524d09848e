// A user's agent file as the profile that all agents are: what a built-in one computes, this one fills into its lists of arguments.
import type { AgentFile, ArgvPart, ReaderName } from '../config/agent-file.ts';
import type { StreamReader } from './events.ts';
import type { AgentInstall, AgentProfile } from './profile.ts';
import { createClaudeReader } from './read-claude.ts';
import { createCodexReader } from './read-codex.ts';
import { createGeminiReader } from './read-gemini.ts';
import { createOpencodeReader } from './read-opencode.ts';
import { createTextReader } from './read-text.ts';

const CREATE_READER: Readonly<Record<ReaderName, () => StreamReader>> = {
  'claude-stream-json': createClaudeReader,
  'codex-json': createCodexReader,
  'gemini-json': createGeminiReader,
  'opencode-json': createOpencodeReader,
  text: createTextReader,
};

export function userProfile(name: string, file: AgentFile): AgentProfile {
  const { headless } = file;
  const names = (headless?.argv ?? []).flat().join('\n');
  return {
    name,
    title: file.title ?? name,
    program: file.program,
    ...(file.install && { install: installOf(file.install) }),
    hosts: file.hosts,
    bundles: [],
    secrets: file.secrets.map(({ prefix, ...secret }) => ({ ...secret, placeholderPrefix: prefix })),
    env: file.env,
    startArgv: (program, args) => fillArgv(file.start, { program, args }),
    homeFiles: () => file.homeFiles,
    ...(headless && {
      headless: {
        argv: (program, { model, resume, args }) => fillArgv(headless.argv, { program, args, model, resume }),
        createReader: CREATE_READER[headless.reader],
        canResume: names.includes('{resume}'),
        hasModels: names.includes('{model}'),
        ...(headless.instructions !== undefined && { instructionsFile: headless.instructions }),
        // It may be any command, as shell is.
        ...(headless.instructions === undefined && headless.reader === 'text' && { promptIsInput: true }),
      },
    }),
  };
}

interface Filling {
  program: readonly string[];
  args: readonly string[];
  model?: string | undefined;
  resume?: string | undefined;
}

/** Whole arguments stay whole: what is filled in is never split, and no shell sees it. */
export function fillArgv(parts: readonly ArgvPart[], filling: Filling): string[] {
  return parts.flatMap((part) => {
    const words = typeof part === 'string' ? [part] : part;
    const texts = { model: filling.model, resume: filling.resume };
    const isAbsent = Object.entries(texts).some(
      ([name, value]) =>
        value === undefined && words.some((word) => word.includes(`{${name}}`) || word === `{?${name}}`),
    );
    if (isAbsent) return [];
    return words.flatMap((word) => {
      if (word === '{program}') return filling.program;
      if (word === '{args}') return filling.args;
      // Says with what its neighbours come, and nothing itself.
      if (word === '{?model}' || word === '{?resume}') return [];
      return [
        word.replaceAll(
          /\{(model|resume)\}/g,
          (whole, name: string) => (name === 'model' ? texts.model : texts.resume) ?? whole,
        ),
      ];
    });
  });
}

/** One package for every platform: it is a script, or the user’s file is for this machine alone. */
function installOf({ npm, version, integrity, program, node }: NonNullable<AgentFile['install']>): AgentInstall {
  const platform = {
    name: npm,
    program,
    integrity,
    companions: '.',
    sizeBytes: 0,
    ...(node && { interpreter: 'node' as const }),
  };
  const platforms = ['linux-x64', 'linux-x64-musl', 'linux-arm64', 'linux-arm64-musl'];
  return {
    kind: 'npm',
    package: npm,
    version,
    platformPackages: Object.fromEntries(platforms.map((key) => [key, platform])),
  };
}
