// Values of a JSON line that somebody inside a cage wrote: every look at one says what it expects and gets that or nothing.
import { parseJson } from '../platform/json.ts';
import type { AgentEvent } from './events.ts';

export type JsonRecord = Readonly<Record<string, unknown>>;

/** Agents nest a dozen levels; a value that is far deeper is made to overflow the stack of whoever writes it out again. */
const MAX_DEPTH = 100;

/** Small values take many times the memory of their text: a line of a few megabytes of them would end whoever reads it. */
const MAX_VALUES = 500_000;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An empty record where there is none. */
export function recordAt(value: unknown, key: string): JsonRecord {
  const found = isRecord(value) ? value[key] : undefined;
  return isRecord(found) ? found : {};
}

/** The records of a list; what else is in it is left out. */
export function recordsAt(value: JsonRecord, key: string): JsonRecord[] {
  const found = value[key];
  return Array.isArray(found) ? found.filter(isRecord) : [];
}

export function textAt(value: JsonRecord, key: string): string | undefined {
  const found = value[key];
  return typeof found === 'string' ? found : undefined;
}

/** An agent's name for a session; it comes back as an argument of a later run, so nothing that could be a flag is one. */
export function sessionIdAt(value: JsonRecord, key: string): string | undefined {
  const id = textAt(value, key);
  return id !== undefined && /^[A-Za-z0-9][\w.-]{0,127}$/.test(id) ? id : undefined;
}

/** A count: whole, not negative, exact. Anything else is 0, so that no stream can lower a sum. */
export function countAt(value: JsonRecord, key: string): number {
  const found = value[key];
  return typeof found === 'number' && Number.isSafeInteger(found) && found > 0 ? found : 0;
}

/** A finite number that is not negative. */
export function amountAt(value: JsonRecord, key: string): number | undefined {
  const found = value[key];
  return typeof found === 'number' && Number.isFinite(found) && found >= 0 ? found : undefined;
}

/** The record on a line, an empty list for an empty line, or the event that says what stands there instead. */
export function parseLine(line: string): JsonRecord | AgentEvent[] {
  if (line.trim() === '') return [];
  if (isCrowded(line)) return [unknownEvent('too-many-values', line)];
  const value = parseJson(line);
  if (!isRecord(value)) return [unknownEvent('no-json', line)];
  return isDeeper(value, MAX_DEPTH) ? [unknownEvent('too-deep', line)] : value;
}

export function unknownEvent(kind: string, raw: string): AgentEvent {
  return { type: 'unknown', kind, raw };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

const [QUOTE, COMMA, COLON, BRACKET, BACKSLASH, BRACE] = [0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x7b];

/** Counted in the text, before anything is made of it; what stands in quotes is one value. */
function isCrowded(line: string): boolean {
  if (line.length <= MAX_VALUES) return false;
  let values = 0;
  let isQuoted = false;
  for (let at = 0; at < line.length && values <= MAX_VALUES; at++) {
    const code = line.charCodeAt(at);
    if (code === QUOTE) isQuoted = !isQuoted;
    else if (isQuoted) at += code === BACKSLASH ? 1 : 0;
    else if (code === COMMA || code === COLON || code === BRACKET || code === BRACE) values += 1;
  }
  return values > MAX_VALUES;
}
