// The guard between a cage's change and the host: for each file, the reasons why it could run there. Looks at paths by a table,
// at modes and links, and at contents where the name alone says too little. In doubt it names a reason.
import { HOST_EXECUTABLE, type HostExecutableReason } from './host-executable-table.ts';
import { countHidden } from './hidden-unicode.ts';
import { toText } from './byte-path.ts';
import type { TreeDifference } from './tree-diff.ts';

export interface FileContents {
  /** Undefined: there is no such side, it is binary, or `tooLarge` says that it was not read. */
  before: Buffer | undefined;
  after: Buffer | undefined;
  tooLarge: boolean;
}

/** Why the changed file could run on the host; empty for ordinary files and for deletions. */
export function hostExecutableReasons(file: TreeDifference, contents: FileContents): HostExecutableReason[] {
  if (file.after === undefined) return [];
  const path = toText(file.bytes.path).toLowerCase();
  const name = path.slice(path.lastIndexOf('/') + 1);
  const reasons: HostExecutableReason[] = HOST_EXECUTABLE.filter(
    (row) => row.name?.test(name) === true || row.path?.test(path) === true,
  )
    .filter(() => name !== 'package.json' || packageRunsDifferently(contents))
    .map(({ kind, trigger, when }) => ({ kind, trigger, when }));
  if (file.after.mode === '100755' && file.before?.mode !== '100755') {
    reasons.push({
      kind: 'new-executable',
      trigger: 'whoever starts it',
      when: 'from now on it may be started by name',
    });
  }
  if (file.after.mode === '120000') reasons.push(...linkReasons(file, contents.after));
  else reasons.push(...hiddenTextReasons(file, contents));
  return reasons;
}

const RUNNING_KEYS = [
  'scripts',
  'bin',
  'main',
  'exports',
  'imports',
  'type',
  'gypfile',
  'binary',
  'config',
  'workspaces',
  'packageManager',
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'bundleDependencies',
  'bundledDependencies',
  'overrides',
  'resolutions',
  'pnpm',
  'husky',
  'lint-staged',
  'simple-git-hooks',
  'pre-commit',
  'gitHooks',
  'commitlint',
  'trustedDependencies',
  'eslintConfig',
  'prettier',
  'jest',
  'babel',
  'volta',
  'devEngines',
  'nodemonConfig',
  'ava',
  'mocha',
];

/** Whether a package.json differs in anything that is run, installed or resolved; one that cannot be read does. */
function packageRunsDifferently(contents: FileContents): boolean {
  const before = contents.before === undefined ? {} : parseObject(contents.before);
  const after = contents.after === undefined ? undefined : parseObject(contents.after);
  if (before === undefined || after === undefined) return true;
  return RUNNING_KEYS.some((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}

function parseObject(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    // Unreadable for us, perhaps not for every package manager.
    return undefined;
  }
}

function linkReasons(file: TreeDifference, target: Buffer | undefined): HostExecutableReason[] {
  if (target !== undefined && staysInside(file.bytes.path, target.toString('latin1'))) return [];
  return [
    {
      kind: 'link-outside',
      trigger: 'whatever reads or writes through the link',
      when: 'from now on: it leads out of the project or into .git',
    },
  ];
}

/** Whether a relative link at `path` ends within the tree and outside of any `.git`, taken as text. */
export function staysInside(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  const at = path.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') at.push(part);
    else if (at.pop() === undefined) return false;
  }
  return !at.some((part) => part.toLowerCase() === '.git');
}

function hiddenTextReasons(file: TreeDifference, contents: FileContents): HostExecutableReason[] {
  if (contents.tooLarge && !file.binary) return hiddenText('it is too large to be looked into');
  if (contents.after === undefined) return [];
  const added = countAddedHidden(contents.before?.toString('utf8') ?? '', contents.after.toString('utf8'));
  const inName = countHidden(toText(file.bytes.path));
  if (added + inName === 0) return [];
  return hiddenText(`it holds ${added + inName} new characters that are invisible or reverse the reading order`);
}

/** Counted by line, so that moving a character from a harmless place to another one is seen. */
function countAddedHidden(before: string, after: string): number {
  if (countHidden(after) === 0) return 0;
  const present = new Set(before.split('\n'));
  return after
    .split('\n')
    .filter((line) => !present.has(line))
    .reduce((sum, line) => sum + countHidden(line), 0);
}

function hiddenText(when: string): HostExecutableReason[] {
  return [{ kind: 'hidden-unicode', trigger: 'whoever trusts what the text seems to say', when }];
}
