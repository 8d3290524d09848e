// A user's own agent as a file: how it is got, started and read, whom it may talk to, and with which secrets. Never read from a
// project. Every problem is told at its line; a file with one is no agent.
import type { SecretSlot } from '../policy/types.ts';
import { at, unknownKey } from './rule-table.ts';
import { readTomlTables, type Place, type Problem, type TomlKey, type TomlTable } from './toml-tables.ts';

const READERS = ['claude-stream-json', 'codex-json', 'gemini-json', 'opencode-json', 'text'] as const;
export type ReaderName = (typeof READERS)[number];

/** An argument, or several that go together and are left out where what they name is absent. */
export type ArgvPart = string | readonly string[];

export interface AgentFile {
  title?: string;
  /** Name on PATH. */
  program: string;
  start: readonly ArgvPart[];
  hosts: readonly string[];
  /** Rules and bundles, as on the command line, with their places. */
  allow: readonly (Place & { text: string })[];
  env: Readonly<Record<string, string>>;
  install?: { npm: string; version: string; integrity: string; program: string; node: boolean };
  secrets: readonly {
    name: string;
    hosts: readonly string[];
    slots: readonly SecretSlot[];
    env: string;
    prefix: string;
  }[];
  homeFiles: readonly { path: string; content: string }[];
  headless?: { argv: readonly ArgvPart[]; reader: ReaderName; instructions?: string };
}

export type ParsedAgentFile = { ok: true; agent: AgentFile } | { ok: false; problems: readonly Problem[] };

const TABLES = ['[env]', '[install]', '[headless]', '[[secret]]', '[[home]]'];
const HOST = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const HEADER = /^[a-z0-9-]{1,64}$/;
const PROGRAM = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;

/** What a value must be, said to whoever wrote something else. */
interface Kind<T> {
  what: string;
  read(value: unknown): T | undefined;
}

const matching = (pattern: RegExp, what: string): Kind<string> => ({
  what,
  read: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined),
});
const isHome = (path: string): boolean =>
  /^[^/\0]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
const TEXT = matching(/^[^\0]*$/, 'a text in quotes');
const LINE = matching(/^\P{Cc}{1,200}$/u, 'a line of text in quotes');
const HOST_NAME = matching(HOST, 'the name of a host in quotes, such as "api.example.com"');
const HOME_PATH: Kind<string> = {
  what: 'a path within the home, such as ".config/agent.json"',
  read: (value) => (typeof value === 'string' && isHome(value) ? value : undefined),
};
const FLAG: Kind<boolean> = {
  what: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
};
const listOf = <T>(kind: Kind<T>): Kind<readonly T[]> => ({
  what: `a list: ${kind.what}`,
  read: (value) => {
    if (!Array.isArray(value)) return undefined;
    const read = value.map((each: unknown) => kind.read(each));
    return read.every((each) => each !== undefined) ? read : undefined;
  },
});
const ARGUMENTS = listOf(TEXT);
const ARGV = (names: readonly string[]): Kind<readonly ArgvPart[]> => ({
  what: `a list of arguments, with ${names.map((name) => `"{${name}}"`).join(', ')} where those go; in a list of their own they go together`,
  read: (value) => {
    const parts = listOf<ArgvPart>({ what: '', read: (each) => TEXT.read(each) ?? ARGUMENTS.read(each) }).read(value);
    const used = (parts ?? [])
      .flat()
      .flatMap((text) => [...text.matchAll(/\{\??([a-z-]+)\}/g)].map(([, name]) => name ?? ''));
    const isRight = parts?.[0] === '{program}' && used.every((name) => names.includes(name));
    return isRight ? parts : undefined;
  },
});

/** Reads the keys of one table; what is missing and what is too much is told as well. */
class Keys {
  readonly #table: TomlTable;
  readonly #problems: Problem[];
  readonly #known: string[] = [];

  constructor(table: TomlTable, problems: Problem[]) {
    this.#table = table;
    this.#problems = problems;
  }

  find(name: string): TomlKey | undefined {
    return this.#table.keys.find((key) => key.name === name);
  }

  optional<T>(name: string, kind: Kind<T>): T | undefined {
    this.#known.push(name);
    const key = this.find(name);
    if (key === undefined) return undefined;
    const value = kind.read(key.value);
    if (value === undefined) this.#problems.push(at(key, `${name} takes ${kind.what}`, ''));
    return value;
  }

  required<T>(name: string, kind: Kind<T>): T | undefined {
    const value = this.optional(name, kind);
    if (this.find(name) === undefined)
      this.#problems.push(at(this.#table, `${name} is missing`, `it takes ${kind.what}`));
    return value;
  }

  end(also: readonly string[] = []): void {
    for (const key of this.#table.keys) {
      if (!this.#known.includes(key.name)) this.#problems.push(unknownKey(key, [...this.#known, ...also]));
    }
  }
}

export function parseAgentFile(text: string): ParsedAgentFile {
  const file = readTomlTables(text);
  if (!file.ok) return { ok: false, problems: [file.problem] };
  const problems: Problem[] = [];
  const of = (table: TomlTable): Keys => new Keys(table, problems);
  const secrets: AgentFile['secrets'][number][] = [];
  const homeFiles: AgentFile['homeFiles'][number][] = [];
  let root: ReturnType<typeof readRoot> | undefined;
  let env: Record<string, string> = {};
  let install: AgentFile['install'];
  let headless: AgentFile['headless'];
  for (const table of file.tables) {
    switch (`${table.kind} ${table.name}`) {
      case 'root ':
        root = readRoot(of(table));
        break;
      case 'standard env':
        env = readEnv(table, problems);
        break;
      case 'standard install':
        install = readInstall(of(table));
        break;
      case 'standard headless':
        headless = readHeadless(of(table));
        break;
      case 'array secret':
        secrets.push(...readSecret(of(table)));
        break;
      case 'array home':
        homeFiles.push(...readHome(of(table)));
        break;
      default:
        problems.push(
          at(table, `there is no table ${JSON.stringify(table.name)}`, `the tables are ${TABLES.join(', ')}`),
        );
    }
  }
  if (problems.length > 0 || root === undefined) {
    return { ok: false, problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
  }
  return {
    ok: true,
    agent: { ...root, env, ...(install && { install }), secrets, homeFiles, ...(headless && { headless }) },
  };
}

function readRoot(keys: Keys): Omit<AgentFile, 'env' | 'install' | 'secrets' | 'homeFiles' | 'headless'> {
  const title = keys.optional('title', LINE);
  const program = keys.required('program', matching(PROGRAM, 'the name of a program on PATH in quotes')) ?? '';
  const start = keys.optional('start', ARGV(['program', 'args'])) ?? ['{program}', '{args}'];
  const hosts = keys.optional('hosts', listOf(HOST_NAME)) ?? [];
  const allowed = keys.optional('allow', listOf(LINE)) ?? [];
  const key = keys.find('allow');
  keys.end(TABLES);
  const allow = allowed.map((text, index) => {
    const { line, column } = key?.elements[index] ?? key ?? { line: 1, column: 1 };
    return { text, line, column };
  });
  return { ...(title !== undefined && { title }), program, start, hosts, allow };
}

function readEnv(table: TomlTable, problems: Problem[]): Record<string, string> {
  const env: [string, string][] = [];
  for (const key of table.keys) {
    if (!VARIABLE.test(key.name)) problems.push(at(key, `${JSON.stringify(key.name)} is no name of a variable`, ''));
    else if (typeof key.value !== 'string') problems.push(at(key, `${key.name} takes ${TEXT.what}`, ''));
    else env.push([key.name, key.value]);
  }
  return Object.fromEntries(env);
}

function readInstall(keys: Keys): AgentFile['install'] {
  const npm = keys.required(
    'npm',
    matching(/^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/, 'the name of an npm package'),
  );
  const version = keys.required(
    'version',
    matching(/^\d{1,6}\.\d{1,6}\.\d{1,6}(?:-[0-9A-Za-z.-]{1,60})?$/, 'an exact version'),
  );
  const integrity = keys.required(
    'integrity',
    matching(/^sha512-[A-Za-z0-9+/]{86}==$/, 'what `npm view NAME@VERSION dist.integrity` says'),
  );
  const program = keys.required('program', { ...HOME_PATH, what: 'the path of the program within the package' });
  const node = keys.optional('node', FLAG) ?? false;
  keys.end();
  if (npm === undefined || version === undefined || integrity === undefined || program === undefined) return undefined;
  return { npm, version, integrity, program, node };
}

function readHeadless(keys: Keys): AgentFile['headless'] {
  const argv = keys.required('argv', ARGV(['program', 'args', 'model', 'resume']));
  const reader = keys.optional('reader', {
    what: READERS.map((name) => `"${name}"`).join(', '),
    read: (value) => READERS.find((name) => name === value),
  });
  const instructions = keys.optional('instructions', HOME_PATH);
  keys.end();
  if (argv === undefined) return undefined;
  return { argv, reader: reader ?? 'text', ...(instructions !== undefined && { instructions }) };
}

function readSecret(keys: Keys): AgentFile['secrets'] {
  const name = keys.required('name', matching(VARIABLE, 'the name of a secret'));
  const hosts = keys.required('hosts', listOf(HOST_NAME));
  const header = keys.optional('header', matching(HEADER, 'the name of a header in small letters, or "bearer"'));
  const env = keys.optional('env', matching(VARIABLE, 'the name of a variable'));
  const prefix = keys.optional('prefix', matching(/^[A-Za-z0-9_-]{0,32}$/, 'up to 32 letters, digits, _ and -'));
  keys.end();
  if (name === undefined || hosts === undefined) return [];
  const slot: SecretSlot =
    header === undefined || header === 'bearer' ? { kind: 'bearer' } : { kind: 'header', name: header };
  return [{ name, hosts, slots: [slot], env: env ?? name, prefix: prefix ?? 'ironcage-' }];
}

function readHome(keys: Keys): AgentFile['homeFiles'] {
  const path = keys.required('path', HOME_PATH);
  const content = keys.required('content', TEXT);
  keys.end();
  return path === undefined || content === undefined ? [] : [{ path, content }];
}
