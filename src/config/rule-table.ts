// A rule as a table of TOML: each key is a word of the rule's one-line form, and is read by it, so that file and command line
// can never mean two things.
import { findBundle } from '../policy/bundles.ts';
import { closestWord } from '../policy/closest.ts';
import type { RuleStance } from '../policy/compose-rule.ts';
import { parseRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import type { Place, Problem, TomlKey, TomlTable } from './toml-tables.ts';

type KeyKind = 'word' | 'bundle' | 'name' | 'path' | 'sentence' | 'number' | 'flag' | 'list' | 'size';

/** Key of the table → word of the text, and what the value must be. Those without a word are the target's parts. */
const KEYS: Readonly<Record<string, { word: string; kind: KeyKind }>> = {
  effect: { word: '', kind: 'word' },
  use: { word: '', kind: 'bundle' },
  host: { word: '', kind: 'name' },
  port: { word: 'port', kind: 'number' },
  scheme: { word: '', kind: 'name' },
  methods: { word: 'methods', kind: 'list' },
  path: { word: '', kind: 'path' },
  'content-types': { word: 'type', kind: 'list' },
  'max-body': { word: 'max-body', kind: 'size' },
  'max-query': { word: 'max-query', kind: 'size' },
  'requests-per-minute': { word: 'rpm', kind: 'number' },
  'requests-per-day': { word: 'rpd', kind: 'number' },
  'bytes-per-minute': { word: 'bpm', kind: 'size' },
  'bytes-per-day': { word: 'bpd', kind: 'size' },
  expires: { word: 'expires', kind: 'word' },
  private: { word: 'private', kind: 'flag' },
  passthrough: { word: 'passthrough', kind: 'flag' },
  websocket: { word: 'websocket', kind: 'flag' },
  shared: { word: 'shared', kind: 'flag' },
  secrets: { word: 'secrets', kind: 'list' },
  'push-refs': { word: 'push', kind: 'list' },
  reason: { word: '', kind: 'sentence' },
};

export type TableRule = { ok: true; rules: readonly Rule[] } | { ok: false; problems: readonly Problem[] };

export function readRuleTable(table: TomlTable, stance: Omit<RuleStance, 'effect'>): TableRule {
  const problems: Problem[] = [];
  const texts = new Map<string, string>();
  for (const key of table.keys) {
    const kind = Object.hasOwn(KEYS, key.name) ? KEYS[key.name]?.kind : undefined;
    if (kind === undefined) problems.push(unknownKey(key, Object.keys(KEYS)));
    else {
      const text = valueText(key.value, kind);
      if (text === undefined) problems.push(at(key, `${key.name} takes ${WHAT[kind]}`, ''));
      else texts.set(key.name, text);
    }
  }
  const effect = texts.get('effect') ?? 'allow';
  if (effect !== 'allow' && effect !== 'deny') {
    problems.push(at(keyOf(table, 'effect'), `effect cannot be ${JSON.stringify(effect)}`, 'write "allow" or "deny"'));
    return { ok: false, problems };
  }
  const has = (name: string) => table.keys.some((key) => key.name === name);
  if (has('use') === has('host')) {
    problems.push(at(table, 'a rule has either a host or the name of a bundle', 'write host = "…" or use = "npm"'));
  }
  if (problems.length > 0) return { ok: false, problems };
  const parsed = parseRule(ruleText(texts), { ...stance, effect });
  if (parsed.ok) {
    // The one-line form tells bundles and hosts apart by themselves; here each has a key of its own.
    const key = texts.has('use') ? 'use' : 'host';
    const named = texts.get(key) ?? '';
    if ((findBundle(named) !== undefined) === (key === 'use')) return parsed;
    const name = JSON.stringify(named);
    const message = key === 'use' ? `there is no bundle ${name}` : `${name} is a bundle and no host`;
    const suggestion = key === 'use' ? `host = ${name} names a host` : `use = ${name} names a bundle`;
    return { ok: false, problems: [at(keyOf(table, key), message, suggestion)] };
  }
  const blamed = table.keys.find(({ name }) => KEYS[name]?.word === parsed.word && parsed.word !== '');
  const place = blamed ?? keyOf(table, texts.has('use') ? 'use' : parsed.message.includes('path') ? 'path' : 'host');
  return { ok: false, problems: [at(place, parsed.message, parsed.suggestion)] };
}

/** `did you mean` for a key that there is not. */
export function unknownKey(key: TomlKey, known: readonly string[]): Problem {
  const meant = closestWord(key.name, known);
  const suggestion = meant === undefined ? `the keys here are ${known.join(', ')}` : `did you mean ${meant}?`;
  return at(key, `there is no key ${JSON.stringify(key.name)}`, suggestion);
}

export function at({ line, column }: Place, message: string, suggestion: string): Problem {
  return { line, column, message, suggestion };
}

function keyOf(table: TomlTable, name: string): Place {
  return table.keys.find((key) => key.name === name) ?? table;
}

const WHAT: Readonly<Record<KeyKind, string>> = {
  word: 'a text in quotes, without blanks and commas',
  bundle: 'the name of a bundle in quotes, such as "npm" or "github:OWNER/REPO:push=main"',
  name: 'a text in quotes, without blanks, commas and slashes',
  path: 'a text in quotes that begins with /, without blanks',
  sentence: 'a line of text in quotes',
  number: 'a whole number',
  flag: 'true or false',
  list: 'a list of texts',
  size: 'a number of bytes, or a size such as "1MB"',
};

/** As it stands in the one-line form; undefined for a value of another kind. Blanks would begin another word there. */
function valueText(value: unknown, kind: KeyKind): string | undefined {
  switch (kind) {
    case 'word':
      return typeof value === 'string' && isWord(value) ? value : undefined;
    // Commas stand between the references of a push.
    case 'bundle':
      return typeof value === 'string' && /^\S+$/.test(value) ? value : undefined;
    case 'name':
      return typeof value === 'string' && isWord(value) && !value.includes('/') ? value : undefined;
    case 'path':
      return typeof value === 'string' && /^\/\S*$/.test(value) ? value : undefined;
    case 'sentence':
      return typeof value === 'string' && /^\P{Cc}+$/u.test(value) ? value : undefined;
    case 'number':
      return isWhole(value) ? String(value) : undefined;
    case 'size':
      return isWhole(value) ? String(value) : typeof value === 'string' && isWord(value) ? value : undefined;
    case 'flag':
      return typeof value === 'boolean' ? String(value) : undefined;
    case 'list':
      return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string' && isWord(each))
        ? value.join(',')
        : undefined;
    default:
      kind satisfies never;
      return undefined;
  }
}

function isWhole(value: unknown): boolean {
  return typeof value === 'number' ? Number.isSafeInteger(value) && value >= 0 : typeof value === 'bigint';
}

function isWord(text: string): boolean {
  return text !== '' && !/[\s,]/.test(text);
}

function ruleText(texts: ReadonlyMap<string, string>): string {
  const say = (name: string) => texts.get(name);
  const scheme = say('scheme') === undefined ? '' : `${say('scheme')}://`;
  const port = say('port') === undefined ? '' : `:${say('port')}`;
  const host = say('host');
  const target = say('use') ?? `${scheme}${host}${port}${say('path') ?? ''}`;
  const words = [...texts].flatMap(([name, text]) => {
    const word = KEYS[name]?.word ?? '';
    if (word === '' || word === 'port' || word === 'methods') return [];
    if (KEYS[name]?.kind !== 'flag') return [`${word}=${text}`];
    return text === 'true' ? [word] : word === 'websocket' ? ['no-websocket'] : [];
  });
  const reason = say('reason');
  return [say('methods'), target, ...words, ...(reason === undefined ? [] : [`reason=${reason}`])]
    .filter((part) => part !== undefined)
    .join(' ');
}
