// TOML as tables whose keys know where they stand, so that every problem of a file can be told at its place, and all at once.
import { getStaticTOMLValue, ParseError, parseTOML } from 'toml-eslint-parser';
import type { AST } from 'toml-eslint-parser';

/** Line from 1, column from 1. */
export interface Place {
  line: number;
  column: number;
}

export interface Problem extends Place {
  message: string;
  /** What to write instead; empty where that is plain. */
  suggestion: string;
}

export interface TomlKey extends Place {
  name: string;
  value: unknown;
  /** Where the elements of a list stand; empty for other values. */
  elements: readonly Place[];
}

export interface TomlTable extends Place {
  /** Name of the table; empty for what stands before the first one. */
  name: string;
  kind: 'root' | 'standard' | 'array';
  keys: readonly TomlKey[];
}

export type TomlFile = { ok: true; tables: readonly TomlTable[] } | { ok: false; problem: Problem };

/** Some editors put it before everything else; it says nothing. */
const BYTE_ORDER_MARK = '\ufeff';

/** A file's text as its mark and what follows it. */
export function splitMark(text: string): [mark: string, rest: string] {
  return text.startsWith(BYTE_ORDER_MARK) ? [BYTE_ORDER_MARK, text.slice(BYTE_ORDER_MARK.length)] : ['', text];
}

/** Longer files are no settings. */
const MAX_FILE_CHARACTERS = 1024 * 1024;

export function readTomlTables(text: string): TomlFile {
  if (text.length > MAX_FILE_CHARACTERS) {
    return { ok: false, problem: { line: 1, column: 1, message: 'the file is too long', suggestion: '' } };
  }
  try {
    const [, toml] = splitMark(text);
    const [root] = parseTOML(toml, { tomlVersion: '1.0.0' }).body;
    const tables: TomlTable[] = [readTable(root, '', 'root')];
    for (const node of root.body) {
      if (node.type === 'TOMLTable') tables.push(readTable(node, keyName(node.key), node.kind));
    }
    return { ok: true, tables };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const { lineNumber: line, column, message } = error;
    return { ok: false, problem: { line, column: column + 1, message, suggestion: 'this is not TOML' } };
  }
}

function readTable(node: AST.TOMLTopLevelTable | AST.TOMLTable, name: string, kind: TomlTable['kind']): TomlTable {
  const keys = node.body.flatMap((entry): TomlKey[] => {
    if (entry.type !== 'TOMLKeyValue') return [];
    const elements = entry.value.type === 'TOMLArray' ? entry.value.elements.map(placeOf) : [];
    return [{ name: keyName(entry.key), value: getStaticTOMLValue(entry.value), elements, ...placeOf(entry) }];
  });
  return { name, kind, keys, ...placeOf(node) };
}

function keyName(key: AST.TOMLKey): string {
  return key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value)).join('.');
}

function placeOf(node: AST.TOMLNode): Place {
  return { line: node.loc.start.line, column: node.loc.start.column + 1 };
}

/** `file:line:column: message — suggestion`, one line each. */
export function formatProblem(file: string, { line, column, message, suggestion }: Problem): string {
  return `${file}:${line}:${column}: ${message}${suggestion === '' ? '' : ` — ${suggestion}`}`;
}
