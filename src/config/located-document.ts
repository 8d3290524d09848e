// A file of TOML or YAML as plain data that knows where each part of it stands, so that a schema's complaints can be told with
// line and column, all at once.
import { getStaticTOMLValue, ParseError, parseTOML } from 'toml-eslint-parser';
import type { AST } from 'toml-eslint-parser';
import { isCollection, isPair, isScalar, LineCounter, parseDocument, type ParsedNode } from 'yaml';
import { splitMark, type Place, type Problem } from './toml-tables.ts';

type DataPath = readonly (string | number)[];

export interface LocatedDocument {
  value: unknown;
  /** Of the part at `path`; where that is missing, of the nearest part around it. */
  placeOf: (path: DataPath) => Place;
}

export type ReadDocument = { ok: true; document: LocatedDocument } | { ok: false; problem: Problem };

const START: Place = { line: 1, column: 1 };
/** Longer files are no settings. */
const MAX_FILE_CHARACTERS = 1024 * 1024;

export function readDocument(text: string, format: 'toml' | 'yaml'): ReadDocument {
  if (text.length > MAX_FILE_CHARACTERS) {
    return { ok: false, problem: { ...START, message: 'the file is too long', suggestion: '' } };
  }
  const [, content] = splitMark(text);
  return format === 'toml' ? readToml(content) : readYaml(content);
}

function readToml(text: string): ReadDocument {
  try {
    const program = parseTOML(text, { tomlVersion: '1.0.0' });
    const places: { path: DataPath; place: Place }[] = [];
    collect(program.body[0], [], places);
    const placeOf = (path: DataPath): Place =>
      places
        .filter((known) => known.path.length <= path.length && known.path.every((part, index) => part === path[index]))
        .sort((a, b) => b.path.length - a.path.length)[0]?.place ?? START;
    return { ok: true, document: { value: getStaticTOMLValue(program), placeOf } };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const { lineNumber: line, column, message } = error;
    return { ok: false, problem: { line, column: column + 1, message, suggestion: 'this is not TOML' } };
  }
}

function collect(
  node: AST.TOMLTopLevelTable | AST.TOMLTable | AST.TOMLInlineTable,
  at: DataPath,
  places: { path: DataPath; place: Place }[],
): void {
  for (const entry of node.body) {
    if (entry.type === 'TOMLTable') {
      places.push({ path: entry.resolvedKey, place: tomlPlace(entry) });
      collect(entry, entry.resolvedKey, places);
      continue;
    }
    const path = [...at, ...entry.key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value))];
    places.push({ path, place: tomlPlace(entry) });
    collectContent(entry.value, path, places);
  }
}

function collectContent(node: AST.TOMLContentNode, at: DataPath, places: { path: DataPath; place: Place }[]): void {
  if (node.type === 'TOMLInlineTable') collect(node, at, places);
  if (node.type !== 'TOMLArray') return;
  node.elements.forEach((element, index) => {
    const path = [...at, index];
    places.push({ path, place: tomlPlace(element) });
    collectContent(element, path, places);
  });
}

function tomlPlace(node: AST.TOMLNode): Place {
  return { line: node.loc.start.line, column: node.loc.start.column + 1 };
}

function readYaml(text: string): ReadDocument {
  const counter = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: counter, uniqueKeys: true, version: '1.2' });
  const at = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return line === 0 ? START : { line, column: col };
  };
  const [fault] = [...parsed.errors, ...parsed.warnings];
  if (fault !== undefined) {
    const [message = ''] = fault.message.split(' at line ');
    return { ok: false, problem: { ...at(fault.pos[0]), message, suggestion: 'this is not YAML' } };
  }
  try {
    // Bounds what aliases of aliases can grow to.
    const value: unknown = parsed.toJS({ maxAliasCount: 100 });
    return { ok: true, document: { value, placeOf: (path) => at(yamlOffset(parsed.contents, path)) } };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return { ok: false, problem: { ...START, message: error.message, suggestion: 'write it out' } };
  }
}

function yamlOffset(root: ParsedNode | null, path: DataPath): number {
  let offset = root?.range[0] ?? 0;
  let node: unknown = root;
  for (const part of path) {
    if (!isCollection(node)) break;
    const item: unknown = node.items.find((entry, index) =>
      isPair(entry) ? isScalar(entry.key) && entry.key.value === part : index === part,
    );
    const key: unknown = isPair(item) ? item.key : item;
    const range = isRanged(key) ? key.range : undefined;
    if (range === undefined) break;
    offset = range[0] ?? offset;
    node = isPair(item) ? item.value : item;
  }
  return offset;
}

function isRanged(node: unknown): node is { range: readonly number[] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}
