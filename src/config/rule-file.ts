// A file of rules: `[[rule]]` tables and `[inspect]` settings. Read whole: every problem is told at its line, and a file with
// one gives no rule at all.
import type { RuleStance } from '../policy/compose-rule.ts';
import { findContradictions } from '../policy/contradictions.ts';
import type { InspectionSettings, InspectorSetting, Rule } from '../policy/types.ts';
import { at, readRuleTable, unknownKey } from './rule-table.ts';
import { readTomlTables, type Place, type Problem, type TomlTable } from './toml-tables.ts';

export type RuleFile =
  | { ok: true; rules: readonly Rule[]; inspection: Partial<InspectionSettings>; warnings: readonly Problem[] }
  | { ok: false; problems: readonly Problem[] };

export function parseRuleFile(text: string, stance: Omit<RuleStance, 'effect'>): RuleFile {
  const file = readTomlTables(text);
  if (!file.ok) return { ok: false, problems: [file.problem] };
  const problems: Problem[] = [];
  const placed: { rule: Rule; place: Place }[] = [];
  let inspection: Partial<InspectionSettings> = {};
  for (const table of file.tables) {
    if (table.kind === 'root') problems.push(...table.keys.map((key) => unknownKey(key, ['[[rule]]', '[inspect]'])));
    else if (table.kind === 'array' && table.name === 'rule') {
      const read = readRuleTable(table, stance);
      if (read.ok) placed.push(...read.rules.map((rule) => ({ rule, place: table })));
      else problems.push(...read.problems);
    } else if (table.kind === 'standard' && table.name === 'inspect') {
      const read = readInspection(table);
      inspection = read.inspection;
      problems.push(...read.problems);
    } else {
      problems.push(
        at(table, `there is no table ${JSON.stringify(table.name)}`, 'the tables are [[rule]] and [inspect]'),
      );
    }
  }
  const found = findContradictions(placed.map(({ rule }) => rule));
  const told = found.map((contradiction) => {
    const { place = { line: 1, column: 1 } } = placed[contradiction.at] ?? {};
    const other = placed[contradiction.other]?.place.line ?? 1;
    const message = `this rule ${contradiction.message} (see line ${other})`;
    return { isError: contradiction.isError, problem: at(place, message, contradiction.suggestion) };
  });
  problems.push(...told.filter(({ isError }) => isError).map(({ problem }) => problem));
  if (problems.length > 0) return { ok: false, problems: problems.toSorted((a, b) => a.line - b.line) };
  const warnings = told.map(({ problem }) => problem);
  return { ok: true, rules: placed.map(({ rule }) => rule), inspection, warnings };
}

const INSPECTORS = { 'secret-shapes': 'secretShapes', 'payload-shape': 'payloadShape' } as const;
const SETTINGS: readonly InspectorSetting[] = ['off', 'flag', 'block'];

/** Reads `[inspect]`. */
export function readInspection(table: TomlTable): {
  inspection: Partial<InspectionSettings>;
  problems: readonly Problem[];
} {
  const inspection: Partial<InspectionSettings> = {};
  const problems: Problem[] = [];
  for (const key of table.keys) {
    const setting = SETTINGS.find((candidate) => candidate === key.value);
    if (!isInspector(key.name)) problems.push(unknownKey(key, Object.keys(INSPECTORS)));
    else if (setting === undefined) problems.push(at(key, `${key.name} takes ${SETTINGS.join(', ')}`, ''));
    else inspection[INSPECTORS[key.name]] = setting;
  }
  return { inspection, problems };
}

function isInspector(name: string): name is keyof typeof INSPECTORS {
  return Object.hasOwn(INSPECTORS, name);
}
