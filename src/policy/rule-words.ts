// The words that may follow the target of a rule: one table, by which they are read and written, so that what is written is
// read again as the same rule. A value that is no value of its word is refused with an example, never rounded.
import { closestWord } from './closest.ts';
import { isDay, parseInstant } from './expiry.ts';
import { isMediaTypePattern } from './media-types.ts';
import { canonicalGlob } from './paths.ts';
import { formatSize, parseCount, parseSize, parseSpan } from './quantities.ts';
import type { Rule } from './types.ts';
import { Unfit } from './unfit.ts';

/** What the words of a rule say: everything but its target, effect, origin and id. */
export type RuleOptions = Omit<Rule, 'id' | 'effect' | 'origin' | 'host' | 'port' | 'scheme' | 'methods' | 'path'>;

export interface RuleWord {
  name: string;
  /** `flag`: stands alone. `list`: values with commas between them. */
  takes: 'flag' | 'value' | 'list';
  /** Says which requests are meant; the others say what holds for them, and do not make another rule. */
  isMatch: boolean;
  /** May stand in a deny rule. */
  inDeny: boolean;
  /** Throws Unfit. `text` is empty for a flag. */
  read(text: string, nowMs: number): RuleOptions;
  /** The value, empty for a flag; undefined where the rule does not say it. */
  write(rule: Rule): string | undefined;
  example: string;
}

const MAX_LISTED = 32;
const MAX_QUERY_BYTES = 999_999;

const RULE_WORDS: readonly RuleWord[] = [
  flag('private', { private: true }, { isMatch: true }),
  flag('passthrough', { passthrough: true }, { isMatch: true }),
  flag('websocket', { websocket: true }, { isMatch: true, inDeny: true }),
  flag('no-websocket', { websocket: false }, { isMatch: true, inDeny: true }),
  {
    ...{ name: 'max-query', takes: 'value', isMatch: true, inDeny: false, example: 'max-query=64' },
    read: (text) => ({ maxQueryBytes: atMost(MAX_QUERY_BYTES, parseSize(text), 'max-query', 'a size') }),
    write: (rule) => optional(rule.maxQueryBytes, String),
  },
  {
    ...{ name: 'type', takes: 'list', isMatch: true, inDeny: true, example: 'type=application/json,text/*' },
    read: (text) => ({ contentTypes: list('type', text.toLowerCase(), isMediaTypePattern, 'a media type') }),
    write: (rule) => rule.contentTypes?.join(','),
  },
  {
    ...{ name: 'max-body', takes: 'value', isMatch: true, inDeny: false, example: 'max-body=1MB' },
    read: (text) => ({ maxBodyBytes: known(parseSize(text), 'max-body', 'a size') }),
    write: (rule) => optional(rule.maxBodyBytes, formatSize),
  },
  bound('rpm', 'requestsPerMinute', parseCount, String, 'rpm=60'),
  bound('rpd', 'requestsPerDay', parseCount, String, 'rpd=1000'),
  bound('bpm', 'bytesPerMinute', parsePositiveSize, formatSize, 'bpm=1MB'),
  bound('bpd', 'bytesPerDay', parsePositiveSize, formatSize, 'bpd=50MB'),
  {
    ...{
      name: 'secrets',
      takes: 'list',
      isMatch: false,
      inDeny: false,
      example: 'secrets=GITHUB_TOKEN, or secrets=none',
    },
    read: (text) => ({ secrets: text === 'none' ? [] : list('secrets', text, isSecretName, 'the name of a secret') }),
    write: (rule) => (rule.secrets?.length === 0 ? 'none' : rule.secrets?.join(',')),
  },
  {
    ...{ name: 'push', takes: 'list', isMatch: false, inDeny: false, example: 'push=refs/heads/agent/*' },
    read: (text) => ({ pushRefs: list('push', text, isReferenceGlob, 'a reference of git') }),
    write: (rule) => rule.pushRefs?.join(','),
  },
  {
    ...{ name: 'expires', takes: 'value', isMatch: false, inDeny: false },
    example: 'expires=2h, expires=2027-01-31 or expires=2027-01-31T12:00:00Z',
    read: (text, nowMs) => ({ expires: readExpiry(text, nowMs) }),
    write: (rule) => rule.expires,
  },
  flag('shared', { sharedSuffix: true }, {}),
];

const WORD_BY_NAME = new Map(RULE_WORDS.map((word) => [word.name, word]));

/** The word of that name; throws Unfit with the nearest one for a word that there is not. */
export function ruleWord(name: string): RuleWord {
  const word = WORD_BY_NAME.get(name);
  if (word !== undefined) return word;
  const names = [...WORD_BY_NAME.keys(), 'reason'];
  const meant = closestWord(name, names);
  const suggestion = meant === undefined ? `the words of a rule are ${names.join(', ')}` : `did you mean ${meant}?`;
  throw new Unfit(`${JSON.stringify(name)} is no word of a rule`, suggestion, name);
}

/** Whether a word of a rule's text can be nothing but an option: no method and no target looks like this. */
export function looksLikeOption(word: string): boolean {
  return WORD_BY_NAME.get(word)?.takes === 'flag' || /^[a-z-]+=/i.test(word);
}

/** Reads `name` or `name=value`. Throws Unfit. */
export function readOption(text: string, nowMs: number): { word: RuleWord; options: RuleOptions } {
  const cut = text.indexOf('=');
  const word = ruleWord(cut < 0 ? text : text.slice(0, cut));
  if ((word.takes === 'flag') !== cut < 0) {
    const message = word.takes === 'flag' ? `${word.name} takes no value` : `${word.name} lacks its value`;
    throw new Unfit(message, `write ${word.example}`, word.name);
  }
  return { word, options: word.read(cut < 0 ? '' : text.slice(cut + 1), nowMs) };
}

/** The words that a rule is written with; default: all. */
export function writeOptions(rule: Rule, pick: (word: RuleWord) => boolean = () => true): string[] {
  return RULE_WORDS.filter(pick).flatMap((word) => {
    const value = word.write(rule);
    return value === undefined ? [] : [value === '' ? word.name : `${word.name}=${value}`];
  });
}

function flag(
  name: string,
  options: Pick<RuleOptions, 'private' | 'passthrough' | 'websocket' | 'sharedSuffix'>,
  { isMatch = false, inDeny = false }: { isMatch?: boolean; inDeny?: boolean },
): RuleWord {
  const isSaid = (rule: Rule): boolean =>
    (options.private !== undefined && rule.private === options.private) ||
    (options.passthrough !== undefined && rule.passthrough === options.passthrough) ||
    (options.websocket !== undefined && rule.websocket === options.websocket) ||
    (options.sharedSuffix !== undefined && rule.sharedSuffix === options.sharedSuffix);
  return {
    ...{ name, takes: 'flag', isMatch, inDeny, example: name },
    read: () => options,
    write: (rule) => (isSaid(rule) ? '' : undefined),
  };
}

function bound(
  name: string,
  key: keyof NonNullable<Rule['budget']>,
  parse: (text: string) => number | undefined,
  format: (value: number) => string,
  example: string,
): RuleWord {
  const what = parse === parseCount ? 'a number of requests' : 'a size';
  return {
    ...{ name, takes: 'value', isMatch: false, inDeny: false, example },
    read: (text) => ({ budget: { [key]: known(parse(text), name, what) } }),
    write: (rule) => optional(rule.budget?.[key], format),
  };
}

function parsePositiveSize(text: string): number | undefined {
  const bytes = parseSize(text);
  return bytes === 0 ? undefined : bytes;
}

function optional(value: number | undefined, format: (value: number) => string): string | undefined {
  return value === undefined ? undefined : format(value);
}

function known(value: number | undefined, name: string, what: string): number {
  if (value !== undefined) return value;
  throw new Unfit(`${name} takes ${what}`, exampleOf(name), name);
}

function atMost(most: number, value: number | undefined, name: string, what: string): number {
  return known(value !== undefined && value <= most ? value : undefined, name, `${what} of at most ${most} bytes`);
}

function list(name: string, text: string, isMember: (member: string) => boolean, what: string): readonly string[] {
  const members = text.split(',');
  const wrong = members.find((member) => !isMember(member));
  if (wrong !== undefined) throw new Unfit(`${JSON.stringify(wrong)} is not ${what}`, exampleOf(name), name);
  if (members.length > MAX_LISTED) throw new Unfit(`${name} lists more than ${MAX_LISTED}`, 'write two rules', name);
  return [...new Set(members)].sort();
}

function isSecretName(text: string): boolean {
  return /^[A-Z][A-Z0-9_]{0,63}$/.test(text);
}

/** Below `refs/`, of characters that git takes in a reference, and the wildcards of paths. */
function isReferenceGlob(text: string): boolean {
  if (!/^refs\/[A-Za-z0-9._*+@=/-]{1,200}$/.test(text) || /\.\.|\/$/.test(text)) return false;
  const glob = canonicalGlob(`/${text}`);
  return glob.ok && glob.path === `/${text}`;
}

function readExpiry(text: string, nowMs: number): string {
  const span = parseSpan(text);
  if (span !== undefined) return new Date(nowMs + span).toISOString();
  const instant =
    /^\d{4}-\d{2}-\d{2}$/.test(text) && isDay(text) ? Date.parse(`${text}T00:00:00Z`) : parseInstant(text);
  if (instant !== undefined) return new Date(instant).toISOString();
  throw new Unfit(
    `expires takes a span of time or a moment, not ${JSON.stringify(text)}`,
    exampleOf('expires'),
    'expires',
  );
}

function exampleOf(name: string): string {
  return `example: ${WORD_BY_NAME.get(name)?.example ?? name}`;
}
