import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromText } from './byte-path.ts';
import { fileFindings } from './file-findings.ts';
import type { Finding } from './finding.ts';
import type { LeadsOut } from './host-links.ts';
import { countHidden } from './hidden-unicode.ts';
import { linkTarget } from './link-target.ts';
import type { TreeDifference } from './tree-diff.ts';

const NONE = (): { names: []; tooMany: false } => ({ names: [], tooMany: false });

type Parts = Partial<Omit<TreeDifference, 'bytes'>> & { from?: string };

function file(path: string, { from, ...parts }: Parts = {}): TreeDifference {
  return {
    path, change: 'modified', insertions: 1, deletions: 0, binary: false, hostExecutable: false,
    bytes: { path: fromText(path), from: from === undefined ? undefined : fromText(from) },
    before: { mode: '100644', oid: '1' }, after: { mode: '100644', oid: '2' }, ...parts,
  }; // prettier-ignore
}

function findings(path: string, after = 'text', before = 'text', parts: Parts = {}): Promise<Finding[]> {
  return fileFindings(file(path, parts), {
    before: Buffer.from(before),
    after: Buffer.from(after),
    unread: false,
    otherNames: NONE,
    leadsOut: byText,
  });
}

async function classes(...args: Parameters<typeof findings>): Promise<string[]> {
  return (await findings(...args)).map((finding) => finding.class);
}

const details = async (...args: Parameters<typeof findings>): Promise<unknown> =>
  (await findings(...args)).map((finding) => finding.details);

const byText: LeadsOut = (path, target) => linkTarget(path, target) === undefined;
const EXECUTABLE = { after: { mode: '100755', oid: '2' } };
const LINK = { after: { mode: '120000', oid: '2' } };

test('a package.json counts when what runs or is installed differs, by name, or when it cannot be read', async () => {
  const plain = '{"name":"a","version":"1.0.0","scripts":{"test":"x"},"description":"d"}';
  expect(await classes('package.json', plain.replace('"d"', '"e"').replace('1.0.0', '1.0.1'), plain)).toEqual([]);
  expect(await details('package.json', plain.replace('"x"', '"evil","postinstall":"y"'), plain)).toEqual([
    ['scripts.test', 'scripts.postinstall'],
  ]);
  expect(await details('package.json', '{"dependencies":{"a":"1"},"what-nobody-knows":1}', '{}')).toEqual([
    ['dependencies.a', 'what-nobody-knows'],
  ]);
  expect(await details('package.json', '{', plain)).toEqual([['it cannot be taken apart']]);
  expect(await details('package.json', `{"scripts":{"test":"evil"},${plain.slice(1)}`, plain)).toEqual([
    ['it cannot be taken apart'],
  ]);
});

test('a Cargo.toml, a pyproject.toml and a composer.json count by their fields as well', async () => {
  const cargo = '[package]\nname = "a"\nversion = "1.0.0"\n[dependencies]\nb = "1"\n';
  expect(await classes('Cargo.toml', cargo.replace('1.0.0', '1.0.1'), cargo)).toEqual([]);
  expect(await details('Cargo.toml', `${cargo}evil = "1"\n[package.metadata]\nx = 1\n`, cargo)).toEqual([
    ['package.metadata', 'dependencies.evil'],
  ]);
  expect(await details('pyproject.toml', '[build-system]\nrequires = ["x"]\n', '')).toEqual([
    ['build-system.requires'],
  ]);
  expect(await details('pyproject.toml', 'a = = b', '')).toEqual([['it cannot be taken apart']]);
  expect(await details('composer.json', '{"version":"2","scripts":{"a":"b"}}', '{}')).toEqual([['scripts.a']]);
});

test('a manifest that was another file before is new as a whole', async () => {
  const text = '{"scripts":{"postinstall":"evil"}}';
  expect(await details('package.json', text, text, { change: 'renamed', from: 'fixtures/pkg.json' })).toEqual([
    ['scripts.postinstall'],
  ]);
  expect(await classes('a/package.json', text, text, { change: 'renamed', from: 'b/package.json' })).toEqual([]);
});

test('a file that counts by what it holds, and is too large to be read, counts by its name', async () => {
  const unread = { before: undefined, after: undefined, unread: true, otherNames: NONE, leadsOut: byText };
  const classesOf = async (path: string): Promise<string[]> =>
    (await fileFindings(file(path, { binary: true }), unread)).map((finding) => finding.class);
  expect(await classesOf('tsconfig.json')).toEqual(['editor']);
  expect(await classesOf('picture.png')).toEqual([]);
});

test('a new executable and one that moved are named, an old one is not', async () => {
  expect(await classes('tool', 'x', 'x', EXECUTABLE)).toEqual(['new-executable']);
  const before = { mode: '100755', oid: '1' };
  expect(await classes('tool', 'y', 'x', { ...EXECUTABLE, before })).toEqual([]);
  expect(await classes('bin/ls', 'x', 'x', { ...EXECUTABLE, before, from: 'tool' })).toEqual(['new-executable']);
});

test('a link out of the tree and a moved submodule are named', async () => {
  expect(await findings('link', '../..', '', LINK)).toMatchObject([{ class: 'link-outside', details: ['to ../..'] }]);
  expect(await classes('sub', '', '', { after: { mode: '160000', oid: '2' } })).toEqual(['git-settings']);
});

test('hidden characters are named with their lines, in contents and names', async () => {
  expect(await findings('a.ts', 'one\nif (admin\u202e) {}\n', 'one\n')).toMatchObject([
    { class: 'hidden-unicode', lines: [{ line: 2, text: 'if (admin\\u{202e}) {}' }] },
  ]);
  expect(await classes('a.ts', 'x\n\u202ea\n', '\u202ea\n')).toEqual([]);
  expect(await classes('a.ts', 'moved \u202e\n', '\u202ea\n')).toEqual(['hidden-unicode']);
  expect(await classes('a\u200bb.ts')).toEqual(['hidden-unicode']);
  expect(await classes('a.ts', '\ufeffok\n', '')).toEqual([]);
});

test('terminal sequences are named, in contents and names, and shown harmless', async () => {
  const [finding] = await findings('a.txt', 'ok\n\u001b]52;c;ZXZpbA==\u0007\n', '');
  expect(finding).toMatchObject({ class: 'terminal-sequence', lines: [{ line: 2 }] });
  expect(finding?.lines[0]?.text).toBe('\\x1b]52;c;ZXZpbA==\\x07');
  expect(await classes('a\u001b[2J')).toEqual(['terminal-sequence']);
  expect(await classes('a\nb')).toEqual(['terminal-sequence']);
  expect(await classes('a.txt', 'over\rwritten\n', '')).toEqual(['terminal-sequence']);
  expect(await classes('a.txt', 'windows\r\nlines\r\n\tand tabs\f\n', '')).toEqual([]);
});

test('text that passes for binary is named, true binary files are not', async () => {
  const code = 'if (admin) { run(); }\n'.repeat(20);
  expect(await classes('a.js', `${code}//\0`, code, { binary: true })).toEqual(['hidden-unicode']);
  const image = Buffer.from(Array.from({ length: 512 }, (_, index) => (index * 37) % 256)).toString('latin1');
  expect(await classes('a.png', image, '', { binary: true })).toEqual([]);
});

test('what the name or the text of a file lets an editor run is named', async () => {
  expect(await classes('a.c', '/* vim: set foldexpr=system("x") foldmethod=expr: */\n', '')).toEqual(['editor']);
  expect(await classes('a.c', '/* vim: set sw=4 et: */\n', '')).toEqual([]);
  expect(await classes('a.el', '; -*- eval: (shell-command "x") -*-\n', '')).toEqual(['editor']);
  expect(await classes('a.md', 'x\n<!-- Local Variables:\ncompile-command: "x"\nEnd: -->\n', 'x\n')).toEqual([
    'editor',
  ]);
  expect(await classes('a.go', 'package a\n//go:generate sh -c x\n', 'package a\n')).toEqual(['build-file']);
  expect(await classes('a.go', '//go:generate x\nvar b = 1\n', '//go:generate x\n')).toEqual([]);
  expect(await classes('tsconfig.json', '{"compilerOptions":{"strict":true}}', '{}')).toEqual([]);
  expect(await classes('tsconfig.json', '{"compilerOptions":{"plugins":[]}}', '{}')).toEqual(['editor']);
});

test('that a file which restrains is gone counts, also when it moved', async () => {
  const gone = { change: 'deleted', after: undefined } as const;
  expect(await details('.npmrc', '', '', gone)).toEqual([['.npmrc is gone']]);
  expect(await classes('Makefile', '', '', gone)).toEqual([]);
  expect(await details('notes', 'x', 'x', { from: '.npmrc' })).toEqual([['.npmrc is gone']]);
});

test('lines are the new ones, the telling ones first, bounded in number and width', async () => {
  const after = [
    'FROM debian',
    ...Array.from({ length: 20 }, (_, index) => `# note ${index}`),
    'RUN evil',
    `ENV ${'x'.repeat(500)}`,
  ].join('\n');
  const [finding] = await findings('Dockerfile', after, 'FROM debian\n');
  expect(finding?.lines.map(({ line }) => line)).toEqual([2, 3, 4, 5, 22]);
  expect(finding?.moreLines).toBe(17);
  const [wide] = await findings('.envrc', `${'x'.repeat(1000)}\u001b[2J`, '');
  expect(wide?.lines[0]?.text).toHaveLength(161);
});

test('a file that is too large to be read is named, whatever it is', async () => {
  const unread = { before: undefined, after: undefined, unread: true, otherNames: NONE, leadsOut: byText };
  expect(await fileFindings(file('big.txt'), unread)).toHaveLength(1);
  expect(await fileFindings(file('package.json'), unread)).toHaveLength(2);
});

test.each([
  ['a/link', '../b', true],
  ['a/link', '../../b', false],
  ['link', '/etc/passwd', false],
  ['link', '.git/config', false],
  ['a/link', '../.GIT/hooks', false],
  ['link', 'GIT~1/config', false],
  ['a/b/link', './../c', true],
  ['link', 'a/../../x', false],
  ['link', 'a/../b', false],
  ['link', '..\\..\\x', false],
])('the link %s to %s stays inside: %s', (path, target, expected) => {
  expect(linkTarget(path, target) !== undefined).toBe(expected);
});

test('emoji, flags and a byte order mark are ordinary text', () => {
  const flag = String.fromCodePoint(0x1f3f4, 0xe0067, 0xe0062, 0xe0065, 0xe006e, 0xe0067, 0xe007f);
  expect(countHidden(`\ufeffhello 👩‍💻 👨‍👩‍👧 ${flag} ümläut`)).toBe(0);
  expect(countHidden(`a${String.fromCodePoint(0xe0041)}b\u200bc`)).toBe(2);
  expect(countHidden(`a\ufe00b\u2028c\u180bd\ufff9e${String.fromCodePoint(0x1d173)} ❤\ufe0f`)).toBe(5);
});

test('no bytes of any kind, under any name, make the guard fail or print what steers a terminal', async () => {
  const names = fc.constantFrom('package.json', 'Cargo.toml', '.envrc', 'a.go', 'tsconfig.json', 'a');
  await fc.assert(
    fc.asyncProperty(names, fc.uint8Array(), fc.uint8Array(), fc.boolean(), async (name, before, after, binary) => {
      const contents = {
        before: Buffer.from(before),
        after: Buffer.from(after),
        unread: false,
        otherNames: NONE,
        leadsOut: byText,
      };
      const found = await fileFindings(file(name, { binary }), contents);
      // oxlint-disable-next-line no-control-regex -- they are what must not be there
      expect(JSON.stringify(found.map(({ lines }) => lines.map(({ text }) => text)))).not.toMatch(
        /[^ -~\u00a0-\u{10ffff}]|\\u00/u,
      );
    }),
  );
});
