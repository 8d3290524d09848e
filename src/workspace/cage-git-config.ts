// The git settings a cage gets: enough to read history and to commit. Everything that names a remote, a credential, a program
// or another file stays outside, because the list below is of what is kept.
import { parseConfigList, git, type GitSettings } from './git.ts';

const KEPT = new Set([
  'core.repositoryformatversion',
  'core.filemode',
  'core.bare',
  'core.ignorecase',
  'core.precomposeunicode',
  'core.symlinks',
  'core.logallrefupdates',
  'core.autocrlf',
  'core.eol',
  'core.safecrlf',
  'core.longpaths',
  'core.sparsecheckout',
  'core.sparsecheckoutcone',
  'core.abbrev',
  'core.quotepath',
  'index.version',
  'index.sparse',
  'extensions.objectformat',
  'extensions.refstorage',
  'extensions.preciousobjects',
  'extensions.partialclone',
]);

/** Settings of the user that make commits inside look like theirs. */
const KEPT_OF_USER = ['user.name', 'user.email', 'init.defaultbranch'] as const;

/** Text of the config for the cage's repository. `files` in order of precedence, later ones win; missing ones are skipped. */
export async function cageGitConfig(
  files: readonly string[],
  user: GitSettings | Promise<GitSettings>,
): Promise<string> {
  const settings = new Map<string, string>();
  for (const file of files) {
    const answer = await git(['config', '--file', file, '--list', '-z'], { accept: [0, 1] });
    for (const [key, value] of parseConfigList(answer.stdout)) {
      if (KEPT.has(key)) settings.set(key, value);
      // A submodule finds its files by a relative path; an absolute one would name a place that the cage does not have.
      if (key === 'core.worktree' && !value.startsWith('/')) settings.set(key, value);
    }
  }
  const ofUser = await user;
  for (const key of KEPT_OF_USER) {
    const value = ofUser.get(key);
    if (value !== undefined) settings.set(key, value);
  }
  // Collecting garbage inside would copy every pack into the cage's layer.
  settings.set('gc.auto', '0');
  settings.set('maintenance.auto', 'false');
  return formatConfig(settings);
}

/** Writes two-part keys as a git config file. */
function formatConfig(settings: ReadonlyMap<string, string>): string {
  const sections = new Map<string, string[]>();
  for (const [key, value] of settings) {
    const dot = key.indexOf('.');
    const lines = sections.get(key.slice(0, dot)) ?? [];
    lines.push(`\t${key.slice(dot + 1)} = ${quoteValue(value)}\n`);
    sections.set(key.slice(0, dot), lines);
  }
  return [...sections].map(([section, lines]) => `[${section}]\n${lines.join('')}`).join('');
}

function quoteValue(value: string): string {
  const escaped = value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return `"${escaped}"`;
}
