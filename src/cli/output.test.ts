import { PassThrough } from 'node:stream';
import { assert, jsonValue, property } from 'fast-check';
import { expect, test } from 'vitest';
import { IronError } from '../platform/errors.ts';
import { createOutput, type Output, type OutputOptions } from './output.ts';
import { safeJson } from '../platform/safe-json.ts';

const HOSTILE = 'a\u001b]0;owned\u0007\u009b31m\u202etxt\n\u{e0041}b';

function open(options: Partial<OutputOptions> & { terminal?: boolean; environment?: Record<string, string> } = {}): {
  output: Output;
  stdout: PassThrough;
  stderr: PassThrough;
} {
  const stdout = Object.assign(new PassThrough(), { isTTY: options.terminal ?? false });
  const stderr = Object.assign(new PassThrough(), { isTTY: options.terminal ?? false });
  const output = createOutput(
    { stdout, stderr, environment: options.environment ?? {} },
    { json: false, quiet: false, verbose: false, color: true, ...options },
  );
  return { output, stdout, stderr };
}

function text(stream: PassThrough): string {
  const chunk: unknown = stream.read();
  return chunk instanceof Buffer ? chunk.toString('utf8') : '';
}

/** Anything that a terminal would obey rather than show. */
const STEERING = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

test('no way of printing lets a control sequence through', () => {
  const { output, stdout, stderr } = open({ terminal: true, color: false });
  output.line(HOSTILE, ['red', HOSTILE]);
  output.text(HOSTILE);
  output.table([[HOSTILE, HOSTILE]]);
  output.document({ [HOSTILE]: HOSTILE });
  output.note(HOSTILE);
  output.tell(HOSTILE);
  output.tellTable([[HOSTILE]]);
  output.noteTable([[HOSTILE]]);
  output.ask(HOSTILE);
  output.failure(new IronError('E_IO', { message: HOSTILE, because: HOSTILE, hint: HOSTILE }));
  expect(text(stdout)).not.toMatch(STEERING);
  expect(text(stderr)).not.toMatch(STEERING);
});

test('each of several reasons has a line of its own, and no reason makes more', () => {
  const { output, stderr } = open();
  output.failure(new IronError('E_USAGE', { message: 'm', because: ['first', 'second\ntry: this'], hint: 'h' }));
  expect(text(stderr)).toBe('error[E_USAGE]: m\nbecause: first\n         second\\ntry: this\ntry: h\n');
});

test('a line stays one line whatever is in it', () => {
  const { output, stdout } = open();
  output.line('a\nb\rc');
  expect(text(stdout)).toBe('a\\nb\\x0dc\n');
});

test.each([
  ['a terminal', { terminal: true }, true],
  ['a pipe', { terminal: false }, false],
  ['a terminal with --no-color', { terminal: true, color: false }, false],
  ['a terminal with NO_COLOR', { terminal: true, environment: { NO_COLOR: '1' } }, false],
  ['a terminal with an empty NO_COLOR', { terminal: true, environment: { NO_COLOR: '' } }, true],
  ['a dumb terminal', { terminal: true, environment: { TERM: 'dumb' } }, false],
])('on %s colours appear as they should', (_where, options, colored) => {
  const { output, stdout } = open(options);
  output.line(['red', 'x']);
  expect(text(stdout)).toBe(colored ? '\u001b[31mx\u001b[39m\n' : 'x\n');
});

test('columns are aligned by what is seen, not by the colour codes', () => {
  const { output, stdout } = open({ terminal: true });
  output.table([
    [['red', 'a'], 'b'],
    ['long', 'c'],
  ]);
  expect(text(stdout)).toBe('\u001b[31ma\u001b[39m     b\nlong  c\n');
});

test('a reader that goes away ends the output quietly', async () => {
  const { output, stdout } = open();
  stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await new Promise((resolve) => output.gone.addEventListener('abort', resolve));
  output.line('nobody hears this');
  await output.drained();
  expect(output.gone.aborted).toBe(true);
});

test('a record waits for a reader that is slow', async () => {
  const { output, stdout } = open();
  const order: string[] = [];
  const written = output.record('x'.repeat(stdout.writableHighWaterMark * 2)).then(() => order.push('written'));
  order.push('read');
  stdout.resume();
  await written;
  expect(order).toEqual(['read', 'written']);
});

test('safe JSON reads back as the same value and holds nothing that steers a terminal', () => {
  assert(
    property(jsonValue({ stringUnit: 'binary' }), (value) => {
      const rendered = safeJson(value);
      expect(JSON.parse(rendered)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(rendered).not.toMatch(STEERING);
    }),
  );
});

test.each([
  ['\u009b', '"\\u009b"'],
  ['\u007f', '"\\u007f"'],
  ['\u202e', '"\\u202e"'],
  ['\u2028', '"\\u2028"'],
  ['\u{e0041}', '"\\udb40\\udc41"'],
  ['ü→日', '"ü→日"'],
])('safe JSON of %j is %s', (value, expected) => {
  expect(safeJson(value)).toBe(expected);
});
