// Which fields of a manifest changed, so that a new version number is no alarm and a new script is one by name. What cannot be
// read, or could be read in two ways, has changed as a whole.
import type { CatalogueFields } from './catalogue-entry.ts';

/** Larger manifests are not taken apart. */
const MAX_BYTES = 1024 * 1024;
/** Fields are told to this depth: `scripts.test`. */
const NAMED_DEPTH = 2;

type Table = Readonly<Record<string, unknown>>;

/** Dotted names of fields that changed and are not harmless; `undefined` when that cannot be told. A missing side is an empty one. */
export async function changedFields(
  { format, harmless }: CatalogueFields,
  before: Buffer | undefined,
  after: Buffer | undefined,
): Promise<string[] | undefined> {
  const [left, right] = [await readTable(format, before), await readTable(format, after)];
  if (left === undefined || right === undefined) return undefined;
  const changed: string[] = [];
  compare(left, right, '', 1);
  return changed;

  function compare(one: Table, other: Table, prefix: string, depth: number): void {
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const name = `${prefix}${key}`;
      const [was, is] = [ownValue(one, key), ownValue(other, key)];
      if (harmless.includes(name) || JSON.stringify(was) === JSON.stringify(is)) continue;
      const tables = isTable(was ?? {}) && isTable(is ?? {}) && (isTable(was) || isTable(is));
      if (depth < NAMED_DEPTH && tables) compare(asTable(was), asTable(is), `${name}.`, depth + 1);
      else changed.push(name);
    }
  }
}

async function readTable(format: CatalogueFields['format'], bytes: Buffer | undefined): Promise<Table | undefined> {
  if (bytes === undefined) return {};
  if (bytes.length > MAX_BYTES) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    switch (format) {
      case 'json':
        return readJson(text);
      case 'toml': {
        const { getStaticTOMLValue, parseTOML } = await import('toml-eslint-parser');
        return asTable(getStaticTOMLValue(parseTOML(text)));
      }
      default:
        return format satisfies never;
    }
  } catch {
    // Unreadable for us, perhaps not for every tool.
    return undefined;
  }
}

/** A field that is given twice is read one way here and another way elsewhere: such a text is not what it says again. */
function readJson(text: string): Table | undefined {
  const value: unknown = JSON.parse(text);
  const written = text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');
  return isTable(value) && JSON.stringify(value) === written ? value : undefined;
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asTable(value: unknown): Table {
  return isTable(value) ? value : {};
}

function ownValue(table: Table, key: string): unknown {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
