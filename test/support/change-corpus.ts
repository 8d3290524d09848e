// Projects and changes that nobody would think of: names, contents, ignore rules and steps drawn by fast-check, carried out by one program
// wherever the work tree is, a cage's or a plain one. What git says of the plain one is what ironcage must say of the cage.
import { execFileSync } from 'node:child_process';
import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';

/** A path is bytes, one character each; `rm -r` and the like are meant by single letters to keep counterexamples short. */
export type Step =
  | { do: 'write'; path: string; text: string; mode: number }
  | { do: 'append'; path: string; text: string }
  | { do: 'remove' | 'mkdir' | 'fifo' | 'nested'; path: string }
  | { do: 'move'; path: string; to: string }
  | { do: 'chmod'; path: string; mode: number }
  | { do: 'link'; path: string; to: string };

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

const NAMES = [
  ...[
    'a',
    'A',
    'b c',
    "it's",
    'd"q',
    'new\nline',
    'tab\t',
    '-dash',
    '*star',
    '[x]',
    '!bang',
    '#hash',
    ' lead',
    'trail ',
  ],
  ...[
    'back\\slash',
    'CON',
    '.hidden',
    'build',
    'x.log',
    'keep.log',
    'README',
    'readme',
    'd',
    'x',
    '{}',
    '$HOME',
    '~',
    '%s',
  ],
  ...['caf\u00e9', 'cafe\u0301', 'stra\u00dfe', 'STRASSE', '\u202egpj', '\u{1f600}'].map(utf8),
  ...['\xff\xfe', '\xe9', '\xc3', 'n'.repeat(200)],
];
const PATTERNS = [
  ...[
    '*.log',
    '!keep.log',
    'build/',
    '/a',
    'b*/',
    '**/x',
    'd/**',
    '!d/x',
    '\\!bang',
    '\\#hash',
    'trail\\ ',
    'trail ',
    '[ab]',
    '*',
  ],
  ...[
    '!*/',
    '!README',
    'caf*',
    'x.l?g',
    '/*/A',
    'b c',
    '# comment',
    '',
    '*.log\r',
    '[[:upper:]]*',
    '!a',
    '/build',
    'd',
    '!d',
    '.*',
  ],
  ...['\xff*', '\\*star', '\\[x\\]', '**/d/**/x', 'a/**/b c', '/d/*', '!/d/keep.log', '*/', 'n*', '[!a-z]*', '!x.log'],
];
const LINES = ['one', 'two', 'three', 'tail \t', '\xff', '', 'x'.repeat(200), '+++ b/x', '-- ', 'end\r'];

const name = fc.constantFrom(...NAMES);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const text = fc.oneof(
  { weight: 5, arbitrary: fc.array(fc.constantFrom(...LINES), { maxLength: 30 }).map((lines) => lines.join('\n')) },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...LINES), { maxLength: 30 }).map((lines) => lines.join('\r\n')) },
  fc.constantFrom('', '\0', 'a\0b\n'.repeat(9), 'long\n'.repeat(60), 'filler '.repeat(2000)),
);
const mode = fc.constantFrom(0o644, 0o644, 0o755, 0o600, 0o711, 0o664);
const ignoreFile = fc.record({
  do: fc.constant('write' as const),
  path: fc.oneof(
    fc.constant('.gitignore'),
    path.map((directory) => `${directory}/.gitignore`),
  ),
  text: fc.array(fc.constantFrom(...PATTERNS), { maxLength: 6 }).map((lines) => lines.join('\n')),
  mode: fc.constant(0o644),
});
const write = fc.record({ do: fc.constant('write' as const), path, text, mode });
const link = fc.record({
  do: fc.constant('link' as const),
  path,
  to: fc.oneof(path, fc.constantFrom('/etc/passwd', '..', '.', 'x\ny')),
});

export interface Corpus {
  /** Makes the project. */
  project: readonly Step[];
  /** Of what is there afterwards, whether it is committed, also where it is ignored: taken in turn. */
  tracked: readonly boolean[];
  /** What is changed in the project before the cage is made: not committed. */
  before: readonly Step[];
  /** What is changed in the cage. */
  work: readonly Step[];
}

/** A change prefers what is there: `known` are the paths of the project. */
function changes(known: readonly string[], maxLength: number): fc.Arbitrary<Step[]> {
  const there = fc.oneof(
    {
      weight: 4,
      arbitrary: known.length === 0 ? path : fc.constantFrom(...known, ...known.map(parentOf).filter(Boolean)),
    },
    { weight: 1, arbitrary: path },
  );
  const plain = (kind: 'remove' | 'mkdir' | 'fifo' | 'nested', at: fc.Arbitrary<string>): fc.Arbitrary<Step> =>
    fc.record({ do: fc.constant(kind), path: at });
  return fc.array(
    fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
      { weight: 4, arbitrary: write },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('write' as const), path: there, text, mode }) },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('append' as const),
          path: there,
          text: fc.constantFrom('more\n', '\r\n', '\0'),
        }),
      },
      { weight: 4, arbitrary: plain('remove', there) },
      { weight: 6, arbitrary: fc.record({ do: fc.constant('move' as const), path: there, to: path }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('chmod' as const), path: there, mode }) },
      { weight: 2, arbitrary: link },
      { weight: 3, arbitrary: ignoreFile },
      { weight: 1, arbitrary: plain('mkdir', path) },
      {
        weight: 1,
        arbitrary: plain(
          'fifo',
          path.map((at) => `${at}.fifo`),
        ),
      },
      { weight: 1, arbitrary: plain('nested', path) },
    ),
    { maxLength },
  );
}

export const corpora: fc.Arbitrary<Corpus> = fc
  .array(
    fc.oneof({ weight: 8, arbitrary: write }, { weight: 1, arbitrary: link }, { weight: 2, arbitrary: ignoreFile }),
    { maxLength: 40 },
  )
  .chain((project) => {
    const known = project.map((step) => step.path);
    return fc.record({
      project: fc.constant(project),
      tracked: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
      before: changes(known, 8),
      work: changes(known, 40),
    });
  });

function parentOf(at: string): string {
  return at.split('/').slice(0, -1).join('/');
}

/** Carries out steps in the current directory. One that cannot be done (a file is in the way) is passed over, everywhere alike. */
const PROGRAM = String.raw`
import json, os, shutil, stat, subprocess, sys
def beneath(path):
    # Never through a link: it could lead out.
    parts = path.split(b'/')
    for end in range(1, len(parts)):
        above = b'/'.join(parts[:end])
        if os.path.islink(above) or (os.path.lexists(above) and not os.path.isdir(above)): return False
    return True
def parents(path):
    os.makedirs(os.path.dirname(path) or b'.', exist_ok=True)
nested = sys.argv[1] == 'with-repositories'
for step in json.load(sys.stdin):
    path = step['path'].encode('latin1')
    if not beneath(path): continue
    there = os.path.lexists(path)
    plain = there and stat.S_ISREG(os.lstat(path).st_mode)
    kind = step['do']
    if kind == 'write' and (plain or not there):
        parents(path)
        with open(path, 'wb') as file: file.write(step['text'].encode('latin1'))
        os.chmod(path, step['mode'])
    elif kind == 'append' and plain:
        with open(path, 'ab') as file: file.write(step['text'].encode('latin1'))
    elif kind == 'remove' and there:
        if os.path.isdir(path) and not os.path.islink(path): shutil.rmtree(path)
        else: os.unlink(path)
    elif kind == 'move' and there:
        to = step['to'].encode('latin1')
        if os.path.lexists(to) or not beneath(to) or to.startswith(path + b'/'): continue
        parents(to)
        subprocess.run([b'mv', b'--no-target-directory', b'--', path, to], check=True)
    elif kind == 'chmod' and plain: os.chmod(path, step['mode'])
    elif kind == 'link' and not there:
        parents(path)
        os.symlink(step['to'].encode('latin1'), path)
    elif kind == 'mkdir' and not there: os.makedirs(path)
    elif kind == 'fifo' and not there:
        parents(path)
        os.mkfifo(path)
    elif kind == 'nested' and not there:
        os.makedirs(path)
        with open(path + b'/inner', 'wb') as file: file.write(b'inner\n')
        if nested: subprocess.run([b'git', b'init', b'--quiet', b'--', path], check=True)
`;

/** The command that carries out the steps it reads from its input, in the directory it is started in. */
export function stepsCommand(repositories: 'with-repositories' | 'without-repositories'): string[] {
  return ['/usr/bin/python3', '-c', PROGRAM, repositories];
}

const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C.UTF-8' };

export function carryOut(
  directory: string,
  steps: readonly Step[],
  repositories: Parameters<typeof stepsCommand>[0],
): void {
  const [program = '', ...args] = stepsCommand(repositories);
  execFileSync(program, args, {
    cwd: directory,
    env: ENV,
    input: JSON.stringify(steps),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** A repository beside a work tree, that keeps the bytes of its files as they are. */
export interface Judge {
  gitDir: string;
  /** Bytes in and out, one character each. */
  git(args: readonly string[], input?: Buffer): string;
  /**
   * Everything that is not ignored, and what is known already, as a tree. What was ignored the first time, and is as it was, is no
   * part of it either: nobody changed it.
   */
  record(): string;
}

export function judgeOf(workTree: string, gitDir: string): Judge {
  execFileSync('git', ['init', '--quiet', '--bare', gitDir], { env: ENV });
  writeFileSync(join(gitDir, 'info/attributes'), '* -text -eol -crlf -filter -ident\n');
  const git: Judge['git'] = (args, input) =>
    execFileSync('git', args, {
      cwd: workTree,
      env: { ...ENV, GIT_DIR: gitDir, GIT_WORK_TREE: workTree },
      encoding: 'latin1',
      maxBuffer: 2 ** 28,
      ...(input === undefined ? {} : { input }),
    });
  const pathsOf = (args: readonly string[]): string[] => git(args).split('\0').slice(0, -1);
  const stampOf = (path: string): string | undefined => {
    const file = Buffer.concat([Buffer.from(`${workTree}/`), Buffer.from(path, 'latin1')]);
    const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    return stat && `${stat.ino} ${stat.ctimeNs}`;
  };
  let ignored: Map<string, string | undefined> | undefined;
  return {
    gitDir,
    git,
    record: () => {
      git(['add', '--all', '.']);
      if (ignored === undefined)
        ignored = new Map(pathsOf(['ls-files', '-z', '--others']).map((path) => [path, stampOf(path)]));
      const known = pathsOf(['ls-files', '-z']).filter(
        (path) => ignored?.has(path) && ignored.get(path) === stampOf(path),
      );
      git(
        ['update-index', '-z', '--force-remove', '--stdin'],
        Buffer.from(known.map((path) => `${path}\0`).join(''), 'latin1'),
      );
      return git(['write-tree']).trim();
    },
  };
}
