// Which segments of a path look like ids rather than words of an interface: numbers, hashes, UUIDs, versions, dates, random
// tokens, alone or behind a fixed beginning (`msg_01AbC…`, `left-pad-1.3.0.tgz`). Pure; a doubt is a word.

const UUID = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';
const VERSION = String.raw`v?\d+(?:\.\d+){1,3}(?:[-+][0-9A-Za-z.+-]+?)?`;
const DATE = String.raw`\d{4}-\d{2}-\d{2}`;
const NUMBER = String.raw`\d+`;
/** Git's short hash is 7; with a digit, so that words of these letters stay words. */
const HEX = '(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{7,}';
/** Random text of base 62 or 64: letters and digits mixed. */
const TOKEN = '(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[a-z])[A-Za-z0-9_-]{16,}';
const ULID = '[0-7][0-9A-HJKMNP-TV-Z]{25}';

const EXTENSION = String.raw`(?:\.[a-z][a-z0-9]{0,7}){1,2}`;
const PLAIN = `${UUID}|${DATE}|${VERSION}|${ULID}|${HEX}|${NUMBER}`;
const ID = `(?:${PLAIN}|${TOKEN})`;
const WHOLE = new RegExp(`^(?:${PLAIN})$`);
const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);
const FIXED_BEGINNING = new RegExp(`^([A-Za-z][A-Za-z0-9.]*(?:[_-][A-Za-z][A-Za-z0-9.]*)*[_-])${ID}(${EXTENSION})?$`);
const FIXED_END = new RegExp(`^${ID}(${EXTENSION})$`);
/** The patterns are tried on hostile text: longer segments count as words. */
const MAX_CHARACTERS = 256;

/** The segment with its id left open (`*`, `left-pad-*.tgz`), or undefined when it holds none. */
export function idTemplate(segment: string): string | undefined {
  if (segment === '' || segment.length > MAX_CHARACTERS || segment.includes('*')) return undefined;
  if (WHOLE.test(segment)) return '*';
  const end = FIXED_END.exec(segment);
  if (end !== null) return `*${end[1] ?? ''}`;
  const beginning = FIXED_BEGINNING.exec(segment);
  if (beginning !== null) return `${beginning[1] ?? ''}*${beginning[2] ?? ''}`;
  // Last: what stands before an underscore is more often the kind of an id than a part of it.
  return WHOLE_TOKEN.test(segment) ? '*' : undefined;
}
