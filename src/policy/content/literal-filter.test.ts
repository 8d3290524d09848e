import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLiteralFilter } from './literal-filter.ts';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** Every occurrence, sorted. */
function found(literals: readonly string[], bytes: Uint8Array): string[] {
  const hits: string[] = [];
  const filter = createLiteralFilter(literals.map(bytesOf), { escapes: true });
  filter.scan(bytes, { onLiteral: (index, position) => hits.push(`${literals[index] ?? ''}@${position}`) });
  return hits.toSorted();
}

function expected(literals: readonly string[], text: string): string[] {
  const hits: string[] = [];
  for (const literal of literals) {
    for (let at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, at + 1)) hits.push(`${literal}@${at}`);
  }
  return hits.toSorted();
}

test('every occurrence is found and nothing else, at any place and alignment', () => {
  const few = fc.string({ minLength: 3, maxLength: 6, unit: fc.constantFrom('a', 'b', '%') });
  const literals = fc.uniqueArray(few, { minLength: 1, maxLength: 5 });
  const text = fc.string({ maxLength: 60, unit: fc.constantFrom('a', 'b', '%', 'c') });
  fc.assert(
    fc.property(literals, text, fc.nat(7), (wanted, searched, offset) => {
      const shifted = new Uint8Array(searched.length + offset);
      shifted.set(bytesOf(searched), offset);
      expect(found(wanted, shifted.subarray(offset))).toEqual(expected(wanted, searched));
    }),
    { numRuns: 10_000 },
  );
});

test('every escape is reported, at either parity and at the very beginning', () => {
  for (const offset of [0, 1]) {
    const bytes = new Uint8Array(Buffer.from(`${' '.repeat(offset)}%41 &#65; \\u0041 \\/ 50% \\d`)).subarray(offset);
    const places = new Set<number>();
    createLiteralFilter([bytesOf('xyz')], { escapes: true }).scan(bytes, {
      onLiteral: () => undefined,
      onEscape: (position) => places.add(position),
    });
    expect([...places].toSorted((a, b) => a - b)).toEqual([0, 4, 10, 17]);
  }
});

test('a literal of two bytes is refused', () => {
  expect(() => createLiteralFilter([bytesOf('ab')], { escapes: false })).toThrow();
});
