// The pages that people read, checked against the code: links lead somewhere, named files exist, commands are commands with
// these flags, and the numbers are those of the code. Must not judge wording.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BUNDLES } from '../../src/policy/bundles.ts';
import { GLOBAL_OPTIONS, type Command } from '../../src/cli/command.ts';
import { loadAllCommands } from '../../src/cli/commands.ts';
import { renderReference } from '../../src/cli/reference.ts';
import { ASK_LIMITS } from '../../src/egress/ask-desk.ts';
import { CAPTURE_LIMITS } from '../../src/egress/capture-log.ts';
import { MAX_STREAMS } from '../../src/egress/http2-conversation.ts';
import { MAX_PUSH_LIST_BYTES } from '../../src/policy/git-push.ts';
import { DEFAULT_LIMITS } from '../../src/egress/config.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const commands = (await loadAllCommands()).flatMap((entry) => (entry.kind === 'group' ? entry.commands : [entry]));
const firstWords = new Set(commands.map(({ name }) => name.split(' ')[0]));

test('there are pages to check', () => {
  expect(PAGES).toEqual(
    expect.arrayContaining([
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'README.md',
      'docs/cli.md',
      'docs/decisions.md',
      'docs/how-it-works.md',
      'docs/limitations.md',
      'docs/security.md',
    ]),
  );
});

test.each(PAGES)('in %s every relative link leads to a file, and to a heading in it', (page) => {
  expect(brokenLinks(read(page), page)).toEqual([]);
});

test.each(PAGES)('in %s every path of the repository exists', (page) => {
  expect(missingPaths(read(page))).toEqual([]);
});

test.each(PAGES)('in %s every command exists and has the flags that stand behind it', (page) => {
  expect(wrongCommands(read(page))).toEqual([]);
});

test.each(PAGES)('in %s every npm script is one', (page) => {
  expect(unknownScripts(read(page))).toEqual([]);
});

test('broken links, paths, commands, flags and scripts are seen', () => {
  expect(brokenLinks('[a](docs/nowhere.md) [b](README.md#no-such-heading) [c](https://example.com)', 'x.md')).toEqual([
    'docs/nowhere.md',
    'README.md#no-such-heading',
  ]);
  expect(missingPaths('see `src/nowhere.ts` and `src/index.ts`')).toEqual(['src/nowhere.ts']);
  const text = [
    '`ironcage rum claude`, `ironcage policy shout`, `ironcage run --no-such-flag`, `ironcage run shell -- ls --all`',
    '```sh',
    'ironcage diff && ironcage apply --yess   # ironcage is a word here',
    '```',
  ].join('\n');
  expect(wrongCommands(text)).toEqual([
    'ironcage rum',
    'ironcage policy shout',
    'ironcage run --no-such-flag',
    'ironcage apply --yess',
  ]);
  expect(unknownScripts('`npm run nothing`, `npm test`')).toEqual(['npm run nothing']);
});

test('the reference page is what the commands say', async () => {
  expect(read('docs/cli.md')).toBe(renderReference(await loadAllCommands()));
});

test('the bounds of the egress are in the limitations with their numbers', () => {
  const page = read('docs/limitations.md');
  const row = (start: string): string => page.split('\n').find((line) => line.startsWith(`| ${start}`)) ?? '';
  expect(row('connections at a time')).toContain(DEFAULT_LIMITS.maxConnections.toLocaleString('en'));
  expect(row('request head')).toContain(`${DEFAULT_LIMITS.maxHeadBytes / 1024} KiB`);
  expect(row('header fields')).toContain(String(DEFAULT_LIMITS.maxHeaders));
  expect(row('time for a request head')).toContain(`${DEFAULT_LIMITS.headTimeoutMs / 1000} s`);
  expect(row('time without a byte')).toContain(`${DEFAULT_LIMITS.idleTimeoutMs / 60_000} min`);
  expect(row('resolve, connect and TLS upstream')).toContain(`${DEFAULT_LIMITS.dialTimeoutMs / 1000} s`);
  expect(row('streams of one HTTP/2 connection')).toContain(String(MAX_STREAMS));
  expect(row('requests that wait for an answer')).toContain(
    `${ASK_LIMITS.maxHeld}, ${ASK_LIMITS.maxQuestionsPerMinute}`,
  );
  expect(row('requests that wait for an answer')).toContain(`${ASK_LIMITS.timeoutMs / 1000} s`);
  expect(row('what is kept of a body')).toContain(`${CAPTURE_LIMITS.maxBodyBytes / 1024} KiB`);
  expect(row('files kept for HAR')).toContain(`2 of ${CAPTURE_LIMITS.maxFileBytes / 2 ** 20} MiB`);
  expect(row('a push’s list of references')).toContain(`${MAX_PUSH_LIST_BYTES / 2 ** 20} MiB`);
});

test('every bundle is named in the changelog', () => {
  for (const name of Object.keys(BUNDLES)) expect(read('CHANGELOG.md')).toContain(`\`${name}\``);
});

function brokenLinks(text: string, page: string): string[] {
  return Array.from(withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g), (match) => match[1] ?? '').filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', heading] = link.split('#');
    const target = path === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), path);
    if (!existsSync(target)) return true;
    return heading !== undefined && !headings(readFileSync(target, 'utf8')).includes(heading);
  });
}

/** As GitHub makes anchors of headings. */
function headings(text: string): string[] {
  return Array.from(withoutCode(text).matchAll(/^#+ (.+)$/gm), (match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '');
}

const PATH = /(?<![\w./-])(?:src|test|docs|bin|examples|scripts)\/[\w./-]*[\w-]/g;

function missingPaths(text: string): string[] {
  return [...new Set(text.match(PATH) ?? [])].filter((path) => !existsSync(join(ROOT, path)));
}

/** What is written as code: spans, and the lines of fenced blocks without their comments. */
function codeOf(text: string): string[] {
  const blocks = text.match(/^```[\s\S]*?^```/gm) ?? [];
  const spans = withoutCode(text).match(/`[^`\n]+`/g) ?? [];
  const lines = blocks.flatMap((block) => block.split('\n').map((line) => line.replace(/\s#.*$/, '')));
  return [...spans.map((span) => span.slice(1, -1)), ...lines];
}

function wrongCommands(text: string): string[] {
  const calls = codeOf(text).flatMap((code) => code.split(/&&|\|\||[|;,]/));
  return calls.flatMap((call) => {
    const [, first = '', second = '', rest = ''] = CALL.exec(call) ?? [];
    if (first === '') return [];
    const command = commands.find(({ name }) => name === first || name === `${first} ${second}`);
    if (command !== undefined) return unknownFlags(command, rest);
    if (!firstWords.has(first)) return [`ironcage ${first}`];
    // A group is named by itself where all of it is meant.
    return second === '' ? [] : [`ironcage ${first} ${second}`];
  });
}

const CALL = /(?<![\w"'/.@-])ironcage ([a-z]+(?:-[a-z]+)*)(?: ([a-z]+))?(.*)/;

function unknownFlags(command: Command, rest: string): string[] {
  const known = new Set([...command.options, ...GLOBAL_OPTIONS].map(({ name }) => `--${name}`)).add('--help');
  // Behind `--` the flags are another program's.
  const own = rest.split(' -- ')[0] ?? '';
  return (own.match(/(?<=\s)--[a-z][a-z-]*/g) ?? [])
    .filter((flag) => !known.has(flag))
    .map((flag) => `ironcage ${command.name} ${flag}`);
}

function unknownScripts(text: string): string[] {
  const manifest: unknown = JSON.parse(read('package.json'));
  const scripts =
    typeof manifest === 'object' && manifest !== null && 'scripts' in manifest ? manifest.scripts : undefined;
  if (typeof scripts !== 'object' || scripts === null) throw new Error('package.json has no scripts');
  const named = codeOf(text).flatMap((code) => code.match(/npm run (?:--silent )?[a-z:-]+/g) ?? []);
  return named.filter((call) => !Object.hasOwn(scripts, call.split(' ').at(-1) ?? ''));
}
