// What the egress looks for in everything that a cage sends, made ready once per generation: traces of the values of its
// secrets, its placeholders, and the literals of credential patterns. One of the few files that touch values: they
// leave it as patterns of bytes only.
import { createLiteralFilter, type LiteralFilter } from '../policy/content/literal-filter.ts';
import { SHAPE_ANCHORS, type ShapeAnchor } from '../policy/content/shape-anchors.ts';
import { DEFAULT_INSPECTION, type InspectionSettings } from '../policy/types.ts';
import { secretTraces } from './secret-traces.ts';
import type { Settings } from './settings.ts';

/** What a literal of the filter means. */
export type Trace =
  { kind: 'secret'; name: string } | { kind: 'placeholder'; name: string } | { kind: 'shape'; anchor: ShapeAnchor };

export interface Traces {
  readonly filter: LiteralFilter;
  readonly meanings: readonly Trace[];
  readonly inspection: InspectionSettings;
  /** Whether there is a secret or a placeholder to find: otherwise escapes and nested codings matter to shapes only. */
  readonly hasKnown: boolean;
  /** Bytes that a known text holds, 1 each: other bytes may be escaped, that hides nothing. */
  readonly worthUnescaping: Uint8Array;
}

type TracedSettings = Pick<Settings, 'bindings' | 'secretValues' | 'policy'>;

/** In heads placeholders stand by right; where, the policy judges. A host is written small, whatever was in it. */
export type TracedPart = 'head' | 'host' | 'body';

const tracesBySettings: Readonly<Record<TracedPart, WeakMap<TracedSettings, Traces>>> = {
  head: new WeakMap(),
  host: new WeakMap(),
  body: new WeakMap(),
};

export function tracesOf(settings: TracedSettings, part: TracedPart): Traces {
  const found = tracesBySettings[part].get(settings);
  if (found !== undefined) return found;
  const made = makeTraces(settings, part);
  tracesBySettings[part].set(settings, made);
  return made;
}

function makeTraces({ bindings, secretValues, policy }: TracedSettings, part: TracedPart): Traces {
  const inspection = policy.inspection ?? DEFAULT_INSPECTION;
  const literals: Buffer[] = [];
  const meanings: Trace[] = [];
  const worthUnescaping = new Uint8Array(256);
  // What an escape may hide once more, and what forms and JSON escape of base64.
  for (const escape of ['%', '&', '\\', '+', '/']) worthUnescaping[escape.charCodeAt(0)] = 1;
  const add = (literal: Buffer, meaning: Trace): void => {
    literals.push(literal);
    meanings.push(meaning);
  };
  for (const [name, value] of Object.entries(secretValues)) {
    for (const trace of part === 'host' ? smallTraces(value) : secretTraces(value))
      add(trace, { kind: 'secret', name });
    for (const byte of Buffer.from(value, 'utf8')) worthUnescaping[byte] = 1;
  }
  for (const { name, placeholder } of part === 'body' ? bindings : []) {
    // Its random part alone gives it away: it comes with a prefix that other credentials share.
    const core = /[0-9a-f]{32}$/.exec(placeholder)?.[0] ?? placeholder;
    for (const trace of secretTraces(core)) add(trace, { kind: 'placeholder', name });
    for (const byte of Buffer.from(core, 'utf8')) worthUnescaping[byte] = 1;
  }
  const hasKnown = literals.length > 0;
  if (inspection.secretShapes !== 'off' && part !== 'host') {
    for (const anchor of SHAPE_ANCHORS) add(Buffer.from(anchor.literal, 'latin1'), { kind: 'shape', anchor });
  }
  return {
    filter: createLiteralFilter(literals, { escapes: hasKnown }),
    meanings,
    inspection,
    hasKnown,
    worthUnescaping,
  };
}

function smallTraces(value: string): Buffer[] {
  const texts = new Set(secretTraces(value).map((trace) => trace.toString('latin1').toLowerCase()));
  return [...texts].map((text) => Buffer.from(text, 'latin1'));
}
