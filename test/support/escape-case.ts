// The form of every escape test: something is tried inside a real cage and must come to nothing, and beside it a control
// shows that the same probe sees success where success is possible. Without the control a broken probe would be a pass.
import { expect, test } from 'vitest';
import { onHost, type TestCage } from './cage.ts';

export interface EscapeCase {
  /** A row of the field report (`ESC-05`), or the suite's own. */
  id: string;
  /** What is tried, as a sentence. */
  attempt: string;
  /** The program; its standard output is what is judged. */
  script: string;
  /** Default: the shell. */
  language?: 'sh' | 'python';
  /** What is printed when the attempt comes to nothing. */
  fails: RegExp;
  control: Control;
}

interface Control {
  /** `inside`: the permitted variant in the same cage. `host`: without a cage, as whoever runs the tests. */
  on: 'inside' | 'host';
  /** Default: the script of the attempt itself. */
  script?: string;
  /** What is printed when it works. */
  shows: RegExp;
}

export function escapeTests(cage: () => TestCage, cases: readonly EscapeCase[]): void {
  for (const escape of cases) {
    test(`${escape.id}: ${escape.attempt}`, async () => {
      const language = escape.language ?? 'sh';
      const place = escape.control.on === 'host' ? onHost : cage();
      const control = await place[language](escape.control.script ?? escape.script);
      expect([control.stdout, control.stderr].filter(Boolean).join('\n')).toMatch(escape.control.shows);
      const seen = await cage()[language](escape.script);
      expect(seen.stdout, seen.stderr).toMatch(escape.fails);
    });
  }
}
