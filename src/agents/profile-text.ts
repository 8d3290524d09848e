// A profile as the text of a user's agent file. What a built-in one computes from arguments is written as what it does where
// the user says nothing; what only code can do (the key in a settings file) is left out, and the text says so.
import type { ReaderName } from '../config/agent-file.ts';
import { claude } from './claude.ts';
import { codex } from './codex.ts';
import { gemini } from './gemini.ts';
import { opencode } from './opencode.ts';
import type { AgentProfile, AgentSecret, HeadlessProfile } from './profile.ts';

const READERS = new Map<string, ReaderName>([
  [claude.name, 'claude-stream-json'],
  [codex.name, 'codex-json'],
  [gemini.name, 'gemini-json'],
  [opencode.name, 'opencode-json'],
]);

/** JSON's strings are TOML's too. */
const quoted = (text: string): string => JSON.stringify(text).replaceAll('\u007f', '\\u007f');
const list = (texts: readonly string[]): string => `[${texts.map(quoted).join(', ')}]`;

export function profileText(profile: AgentProfile): string {
  const start = profile.startArgv(['{program}'], ['{args}']);
  // A shell starts what it is given, and has no argument of its own where it is given something.
  const own = start[0] === '{program}' ? start : ['{program}', '{args}'];
  return [
    '# An agent of your own. ironcage agents edit NAME checks it; docs/agents.md explains every key.',
    `title = ${quoted(profile.title)}`,
    '# The program’s name on PATH.',
    `program = ${quoted(profile.program)}`,
    '# How it starts: {program} and {args} stand for what they say.',
    `start = ${list(own)}`,
    '# Hosts that it may talk to, whole; and rules or bundles, as for --allow.',
    `hosts = ${list(profile.bundles.length === 0 ? profile.hosts : [])}`,
    `allow = ${list(profile.bundles)}`,
    ...table(
      'env',
      Object.entries(profile.env).map(([name, value]) => `${name} = ${quoted(value)}`),
    ),
    ...installLines(profile),
    ...(profile.headless === undefined ? [] : headlessLines(profile.name, profile.headless)),
    ...profile.secrets.flatMap(secretLines),
    ...profile
      .homeFiles({ project: '/', placeholders: {} })
      .flatMap(({ path, content }) => [
        '',
        '# A file of a fresh home. What names the project or a key is not in it.',
        '[[home]]',
        `path = ${quoted(path)}`,
        `content = ${quoted(content)}`,
      ]),
    '',
  ].join('\n');
}

function table(name: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `[${name}]`, ...lines];
}

function installLines({ install }: AgentProfile): string[] {
  const platforms = Object.entries(install?.platformPackages ?? {});
  const found = platforms.find(([key]) => key === `${process.platform}-${process.arch}`) ?? platforms[0];
  if (install === undefined || found === undefined) return [];
  const [key, platform] = found;
  return [
    '',
    `# Where this machine has none: one package that needs no others, of ${key}.`,
    '[install]',
    `npm = ${quoted(platform.published?.name ?? platform.name)}`,
    `version = ${quoted(platform.published?.version ?? install.version)}`,
    `integrity = ${quoted(platform.integrity)}`,
    `program = ${quoted(platform.program)}`,
    `node = ${platform.interpreter === 'node'}`,
  ];
}

function headlessLines(name: string, headless: HeadlessProfile): string[] {
  const plain = headless.argv(['{program}'], { args: ['{args}'] });
  const whole = headless.argv(['{program}'], {
    args: ['{args}'],
    ...(headless.hasModels && { model: '{model}' }),
  });
  const resumed = headless.argv(['{program}'], {
    args: ['{args}'],
    ...(headless.hasModels && { model: '{model}' }),
    ...(headless.canResume && { resume: '{resume}' }),
  });
  // Of arguments that come only with a model or a session: each in a list of its own, which is left out with it.
  const parts = resumed.map((word) =>
    plain.includes(word) || word === '{program}' ? quoted(word) : optional(word, whole),
  );
  const isOwn = plain[0] === '{program}';
  return [
    '',
    '# How it works unattended: the prompt comes by standard input. What stands in a list of its own is left out with what it names.',
    '[headless]',
    `argv = ${isOwn ? `[${parts.join(', ')}]` : list(['{program}', '{args}'])}`,
    `reader = ${quoted(READERS.get(name) ?? 'text')}`,
    ...(headless.instructionsFile === undefined ? [] : [`instructions = ${quoted(headless.instructionsFile)}`]),
  ];
}

/** A word such as Codex’s `resume`, which names nothing itself, comes with the session that it is for. */
function optional(word: string, withModel: readonly string[]): string {
  return list(word.includes('{') || withModel.includes(word) ? [word] : ['{?resume}', word]);
}

function secretLines({ name, hosts, slots, env, placeholderPrefix }: AgentSecret): string[] {
  const [slot] = slots;
  const header = slot?.kind === 'header' ? slot.name : 'bearer';
  return [
    '',
    '# A secret: it never enters the cage, and goes to these hosts alone, in this header.',
    '[[secret]]',
    `name = ${quoted(name)}`,
    `hosts = ${list(hosts)}`,
    `header = ${quoted(header)}`,
    `env = ${quoted(env)}`,
    `prefix = ${quoted(placeholderPrefix)}`,
  ];
}
