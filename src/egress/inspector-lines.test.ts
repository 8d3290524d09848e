// Lines between the egress and an inspector: whatever is said, it stays one line and comes out as it went in.
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineOf, parseAnswer } from './inspector-lines.ts';

test('a reason with separators of Unicode stays one line', async () => {
  const reason = fc.string({
    maxLength: 20,
    unit: fc.constantFrom('a', '\u2028', '\u2029', '\r', '\n', '"', '\\', 'ü'),
  });
  await fc.assert(
    fc.asyncProperty(reason, async (text) => {
      const answer = { type: 'verdict', id: 1, action: 'note', reason: text } as const;
      const lines: string[] = [];
      for await (const line of createInterface({ input: Readable.from([Buffer.from(lineOf(answer))]) }))
        lines.push(line);
      expect(lines.map(parseAnswer)).toEqual([answer]);
    }),
    { numRuns: 10_000 },
  );
});
