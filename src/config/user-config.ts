// The user's own settings, `config.toml`: what every new cage gets. Never read from a project: a repository must not be able to
// widen its own cage. What is in it is strict; a key that is not known is an error and never skipped.
import type { InspectionSettings } from '../policy/types.ts';
import { readInspection } from './rule-file.ts';
import { at, unknownKey } from './rule-table.ts';
import { readTomlTables, type Place, type Problem, type TomlTable } from './toml-tables.ts';

interface ConfiguredRule extends Place {
  effect: 'allow' | 'deny';
  /** As on the command line. */
  text: string;
}

/** A module of the user's that looks at requests, outside of the egress. */
interface ConfiguredInspector {
  /** The module's file name without its extension, as it stands in rules and records; each once. */
  name: string;
  /** Absolute path. */
  module: string;
  timeoutMs: number;
}

/** A word of a list and where it stands. */
interface ConfiguredWord extends Place {
  text: string;
}

export interface UserConfig {
  rules: readonly ConfiguredRule[];
  inspection: Partial<InspectionSettings>;
  inspectors: readonly ConfiguredInspector[];
  /** Package caches that new cages share. */
  caches: readonly ConfiguredWord[];
}

export type ParsedUserConfig = { ok: true; config: UserConfig } | { ok: false; problems: readonly Problem[] };

const DEFAULT_TIMEOUT_MS = 1000;
const MAX_TIMEOUT_MS = 60_000;

export function parseUserConfig(text: string): ParsedUserConfig {
  const file = readTomlTables(text);
  if (!file.ok) return { ok: false, problems: [file.problem] };
  const problems: Problem[] = [];
  const rules: ConfiguredRule[] = [];
  const inspectors: ConfiguredInspector[] = [];
  const caches: ConfiguredWord[] = [];
  let inspection: Partial<InspectionSettings> = {};
  for (const table of file.tables) {
    switch (`${table.kind} ${table.name}`) {
      case 'root ':
        problems.push(...table.keys.map((key) => unknownKey(key, TABLES)));
        break;
      case 'standard policy':
        readPolicy(table, rules, problems);
        break;
      case 'standard inspect': {
        const read = readInspection(table);
        inspection = read.inspection;
        problems.push(...read.problems);
        break;
      }
      case 'standard home':
        readHome(table, caches, problems);
        break;
      case 'array inspector':
        readInspector(table, inspectors, problems);
        break;
      default:
        problems.push(
          at(table, `there is no table ${JSON.stringify(table.name)}`, `the tables are ${TABLES.join(', ')}`),
        );
    }
  }
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, config: { rules, inspection, inspectors, caches } };
}

const TABLES = ['[policy]', '[inspect]', '[[inspector]]', '[home]'];

function readHome(table: TomlTable, caches: ConfiguredWord[], problems: Problem[]): void {
  for (const key of table.keys) {
    if (key.name !== 'caches') problems.push(unknownKey(key, ['caches']));
    else if (!isTexts(key.value)) problems.push(at(key, 'caches takes a list of names', 'example: caches = ["npm"]'));
    else caches.push(...key.value.map((text, index) => ({ text, ...place(key.elements[index] ?? key) })));
  }
}

function place({ line, column }: Place): Place {
  return { line, column };
}

function readPolicy(table: TomlTable, rules: ConfiguredRule[], problems: Problem[]): void {
  for (const key of table.keys) {
    if (key.name !== 'allow' && key.name !== 'deny') problems.push(unknownKey(key, ['allow', 'deny']));
    else if (!isTexts(key.value))
      problems.push(at(key, `${key.name} takes a list of rules`, 'example: allow = ["npm"]'));
    else {
      for (const [index, text] of key.value.entries()) {
        const { line, column } = key.elements[index] ?? key;
        rules.push({ effect: key.name, text, line, column });
      }
    }
  }
}

function readInspector(table: TomlTable, inspectors: ConfiguredInspector[], problems: Problem[]): void {
  let module = '';
  let timeoutMs = DEFAULT_TIMEOUT_MS;
  for (const key of table.keys) {
    if (key.name === 'module') {
      if (typeof key.value === 'string' && key.value.startsWith('/')) module = key.value;
      else problems.push(at(key, 'module takes the absolute path of a JavaScript module', ''));
    } else if (key.name === 'timeout-ms') {
      if (isTimeout(key.value)) timeoutMs = key.value;
      else problems.push(at(key, `timeout-ms takes 1 to ${MAX_TIMEOUT_MS}`, ''));
    } else problems.push(unknownKey(key, ['module', 'timeout-ms']));
  }
  if (module !== '') addInspector(table, { name: nameOf(module), module, timeoutMs }, inspectors, problems);
  else if (!table.keys.some(({ name }) => name === 'module'))
    problems.push(at(table, 'an inspector has no module', ''));
}

function addInspector(
  table: TomlTable,
  inspector: ConfiguredInspector,
  inspectors: ConfiguredInspector[],
  problems: Problem[],
): void {
  const { name } = inspector;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    problems.push(at(table, `${JSON.stringify(name)} is no name for an inspector`, 'use letters, digits, - and _'));
  } else if (inspectors.some((other) => other.name === name)) {
    problems.push(at(table, `there are two inspectors called ${name}`, 'give the module’s file another name'));
  } else inspectors.push(inspector);
}

function nameOf(module: string): string {
  const file = module.slice(module.lastIndexOf('/') + 1);
  return file.replace(/\.[cm]?js$/, '');
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isTimeout(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= MAX_TIMEOUT_MS;
}
