// Reads configurations that arrive as JSON, field by field. What is missing, of another kind or unknown is an error: a rule
// that is understood in part could allow more than it says. By hand, because a schema library would double the start time.
import { IronError } from '../platform/errors.ts';
import type { Budget, InspectionSettings, Policy, Rule } from '../policy/types.ts';
import type { SecretBinding, SecretSlot } from '../secrets/types.ts';
import type { EgressConfig, EgressGeneration, EgressLimits, EgressRoute, InspectorSetting } from './config.ts';

type Read<T> = (value: unknown, where: string) => T;

export function readConfig(value: unknown): EgressConfig {
  const fields = readObject(value, 'the configuration', [...GENERATION_KEYS, ...CONFIG_KEYS]);
  return {
    ...generationOf(fields),
    cage: readText(fields['cage'], 'cage'),
    caDirectory: readPath(fields['caDirectory'], 'caDirectory'),
    auditDirectory: readPath(fields['auditDirectory'], 'auditDirectory'),
    controlSocket: readPath(fields['controlSocket'], 'controlSocket'),
    upstreamCaFiles: readList(fields['upstreamCaFiles'], 'upstreamCaFiles', readPath),
    inspectors: readList(fields['inspectors'], 'inspectors', readInspector),
    limits: readLimits(fields['limits'], 'limits'),
  };
}

export function readGeneration(value: unknown): EgressGeneration {
  return generationOf(readObject(value, 'the generation', GENERATION_KEYS));
}

const GENERATION_KEYS = ['generation', 'policy', 'bindings', 'secretValues', 'withdrawnSecrets', 'routes'];
const CONFIG_KEYS = [
  ...['cage', 'caDirectory', 'auditDirectory', 'controlSocket', 'upstreamCaFiles', 'inspectors', 'limits'],
];
const RULE_KEYS = [
  ...'id effect origin host port scheme methods path maxQueryBytes websocket private contentTypes maxBodyBytes'.split(
    ' ',
  ),
  ...'budget passthrough expires secrets pushRefs sharedSuffix reason'.split(' '),
];
const BUDGET_KEYS = ['requestsPerMinute', 'requestsPerDay', 'bytesPerMinute', 'bytesPerDay'];
const LIMIT_KEYS: readonly (keyof EgressLimits)[] = [
  ...(['maxConnections', 'maxHeadBytes', 'maxHeaders'] as const),
  ...(['headTimeoutMs', 'idleTimeoutMs', 'dialTimeoutMs'] as const),
];

function generationOf(fields: Readonly<Record<string, unknown>>): EgressGeneration {
  return {
    generation: readCount(fields['generation'], 'generation'),
    policy: readPolicy(fields['policy'], 'policy'),
    bindings: readList(fields['bindings'], 'bindings', readBinding),
    secretValues: readTexts(fields['secretValues'], 'secretValues'),
    ...optional('withdrawnSecrets', fields, 'the generation', readTextList),
    routes: readList(fields['routes'], 'routes', readRoute),
  };
}

function readPolicy(value: unknown, where: string): Policy {
  const fields = readObject(value, where, ['mode', 'rules', 'inspection']);
  return {
    mode: readChoice(fields['mode'], `${where}.mode`, ['filtered', 'ask', 'learn', 'none']),
    rules: readList(fields['rules'], `${where}.rules`, readRule),
    ...optional('inspection', fields, where, readInspection),
  };
}

function readRule(value: unknown, where: string): Rule {
  const fields = readObject(value, where, RULE_KEYS);
  return {
    id: readText(fields['id'], `${where}.id`),
    effect: readChoice(fields['effect'], `${where}.effect`, ['allow', 'deny']),
    origin: readChoice(fields['origin'], `${where}.origin`, ['user', 'agent', 'bundle', 'preset']),
    host: readText(fields['host'], `${where}.host`),
    ...optional('port', fields, where, readPort),
    ...optional('scheme', fields, where, readScheme),
    ...optional('methods', fields, where, readTextList),
    ...optional('path', fields, where, readText),
    ...optional('maxQueryBytes', fields, where, readCount),
    ...optional('websocket', fields, where, readFlag),
    ...optional('private', fields, where, readFlag),
    ...optional('contentTypes', fields, where, readTextList),
    ...optional('maxBodyBytes', fields, where, readCount),
    ...optional('budget', fields, where, readBudget),
    ...optional('passthrough', fields, where, readFlag),
    ...optional('expires', fields, where, readText),
    ...optional('secrets', fields, where, readTextList),
    ...optional('pushRefs', fields, where, readTextList),
    ...optional('sharedSuffix', fields, where, readFlag),
    ...optional('reason', fields, where, readText),
  };
}

function readBudget(value: unknown, where: string): Budget {
  const fields = readObject(value, where, BUDGET_KEYS);
  return {
    ...optional('requestsPerMinute', fields, where, readCount),
    ...optional('requestsPerDay', fields, where, readCount),
    ...optional('bytesPerMinute', fields, where, readCount),
    ...optional('bytesPerDay', fields, where, readCount),
  };
}

function readInspection(value: unknown, where: string): InspectionSettings {
  const fields = readObject(value, where, ['secretShapes', 'payloadShape']);
  const read = (key: keyof InspectionSettings) => readChoice(fields[key], `${where}.${key}`, ['off', 'flag', 'block']);
  return { secretShapes: read('secretShapes'), payloadShape: read('payloadShape') };
}

function readScheme(value: unknown, where: string): 'https' | 'http' {
  return readChoice(value, where, ['https', 'http']);
}

function readBinding(value: unknown, where: string): SecretBinding {
  const fields = readObject(value, where, ['name', 'hosts', 'slots', 'placeholder']);
  return {
    name: readText(fields['name'], `${where}.name`),
    hosts: readList(fields['hosts'], `${where}.hosts`, readText),
    slots: readList(fields['slots'], `${where}.slots`, readSlotKind),
    placeholder: readText(fields['placeholder'], `${where}.placeholder`),
  };
}

function readSlotKind(value: unknown, where: string): SecretSlot {
  const { kind } = readObject(value, where, ['kind', 'name']);
  const known = readChoice(kind, `${where}.kind`, ['header', 'bearer', 'basic-password']);
  if (known !== 'header') return { kind: known };
  return { kind: 'header', name: readText(readObject(value, where, ['kind', 'name'])['name'], `${where}.name`) };
}

function readRoute(value: unknown, where: string): EgressRoute {
  const fields = readObject(value, where, ['host', 'address', 'port', 'caPem']);
  return {
    host: readText(fields['host'], `${where}.host`),
    address: readText(fields['address'], `${where}.address`),
    port: readPort(fields['port'], `${where}.port`),
    ...optional('caPem', fields, where, readText),
  };
}

function readInspector(value: unknown, where: string): InspectorSetting {
  const fields = readObject(value, where, ['name', 'timeoutMs']);
  return {
    name: readText(fields['name'], `${where}.name`),
    timeoutMs: readCount(fields['timeoutMs'], `${where}.timeoutMs`),
  };
}

function readLimits(value: unknown, where: string): EgressLimits {
  const fields = readObject(value, where, LIMIT_KEYS);
  const read = (key: keyof EgressLimits) => readCount(fields[key], `${where}.${key}`);
  return {
    maxConnections: read('maxConnections'),
    maxHeadBytes: read('maxHeadBytes'),
    maxHeaders: read('maxHeaders'),
    headTimeoutMs: read('headTimeoutMs'),
    idleTimeoutMs: read('idleTimeoutMs'),
    dialTimeoutMs: read('dialTimeoutMs'),
  };
}

function optional<K extends string, T>(
  key: K,
  fields: Readonly<Record<string, unknown>>,
  where: string,
  read: Read<T>,
): { [P in K]?: T } {
  const found: { [P in K]?: T } = {};
  if (fields[key] !== undefined) found[key] = read(fields[key], `${where}.${key}`);
  return found;
}

function readObject(value: unknown, where: string, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw broken(where, 'is not an object');
  const fields: Record<string, unknown> = Object.fromEntries(Object.entries(value));
  const unknown = Object.keys(fields).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw broken(`${where}.${unknown}`, 'is not known');
  return fields;
}

function readList<T>(value: unknown, where: string, read: Read<T>): T[] {
  if (!Array.isArray(value)) throw broken(where, 'is not a list');
  return value.map((member: unknown, index) => read(member, `${where}[${index}]`));
}

function readTextList(value: unknown, where: string): string[] {
  return readList(value, where, readText);
}

function readTexts(value: unknown, where: string): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw broken(where, 'is not an object');
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, readText(text, `${where}.${key}`)]));
}

function readText(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw broken(where, 'is not a text');
  return value;
}

function readPath(value: unknown, where: string): string {
  const path = readText(value, where);
  if (!path.startsWith('/') || path.includes('\0')) throw broken(where, 'is not an absolute path');
  return path;
}

function readCount(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw broken(where, 'is not a count');
  return value;
}

function readPort(value: unknown, where: string): number {
  const port = readCount(value, where);
  if (port < 1 || port > 65_535) throw broken(where, 'is not a port');
  return port;
}

function readFlag(value: unknown, where: string): boolean {
  if (typeof value !== 'boolean') throw broken(where, 'is not true or false');
  return value;
}

function readChoice<T extends string>(value: unknown, where: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw broken(where, `is not one of ${choices.join(', ')}`);
  return choice;
}

/** Names the field only: its content may be a secret. */
function broken(where: string, what: string): IronError {
  return new IronError('E_EGRESS', {
    message: `the egress was given settings it cannot read: ${where} ${what}`,
    hint: 'host and egress must be of the same version; run ironcage doctor',
  });
}
