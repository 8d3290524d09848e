// Finds a known text in a request whatever usual dress it wears: letter case, percent-encoding (repeated), base64 at any
// alignment and alphabet, hex. Finds copies, not ciphers: who wants to hide a placeholder can, and has only a placeholder.
import type { PlaceholderBinding } from './types.ts';

/** A text as it stands and as a lenient receiver would decode it. */
export interface Readings {
  /** Lower case: for text and hex. */
  folded: string;
  /** Case kept, URL-safe base64 mapped to the standard alphabet. */
  exact: string;
}

interface Traces {
  folded: readonly string[];
  exact: readonly string[];
}

/** Rounds of percent-decoding that are looked through. */
const MAX_DECODE_ROUNDS = 3;

/** Traces cost more to make than to search for, and a binding lives as long as its generation. */
const tracesByBinding = new WeakMap<PlaceholderBinding, Traces>();

export function readings(text: string): Readings {
  const layers = [text];
  let layer = text;
  for (let round = 0; round < MAX_DECODE_ROUNDS && layer.includes('%'); round++) {
    layer = layer.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    layers.push(layer);
  }
  const all = layers.join('\n');
  return { folded: all.toLowerCase(), exact: all.replaceAll('-', '+').replaceAll('_', '/') };
}

/** Whether the placeholder of `binding`, or its random part alone, is in the text. */
export function appearsIn(binding: PlaceholderBinding, text: Readings): boolean {
  const traces = tracesOf(binding);
  return (
    traces.folded.some((trace) => text.folded.includes(trace)) ||
    traces.exact.some((trace) => text.exact.includes(trace))
  );
}

function tracesOf(binding: PlaceholderBinding): Traces {
  const found = tracesByBinding.get(binding);
  if (found !== undefined) return found;
  // The random part alone gives a placeholder away: dropping its prefix must not hide it.
  const core = /[0-9a-f]{32}$/.exec(binding.placeholder)?.[0] ?? binding.placeholder;
  const hex = Array.from(core, (character) => character.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  const traces: Traces = {
    folded: [core.toLowerCase(), hex],
    exact: [core, core.toUpperCase()].flatMap((form) => [0, 1, 2].map((offset) => base64Middle(form, offset))),
  };
  tracesByBinding.set(binding, traces);
  return traces;
}

/** The part of the base64 text of `…core…` that does not depend on its neighbours, when `offset` bytes stand before it. */
function base64Middle(core: string, offset: number): string {
  const encoded = btoa('\0'.repeat(offset) + core).replaceAll('=', '');
  const cut = [0, 2, 3][offset] ?? 0;
  const wholeGroupCharacters = Math.floor(((offset + core.length) * 8) / 6);
  return encoded.slice(cut, wholeGroupCharacters);
}
