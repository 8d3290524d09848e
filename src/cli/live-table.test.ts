import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createLiveTable } from './live-table.ts';

function terminal(
  columns: number,
  rows: number,
): { stream: PassThrough & { columns: number; rows: number }; written: () => string } {
  const stream = Object.assign(new PassThrough(), { columns, rows });
  return { stream, written: () => String(stream.read() ?? '') };
}

const line = (text: string): { plain: string; styled: string } => ({ plain: text, styled: `<${text}>` });

test('a second drawing goes over the first one, as many lines up as it had', () => {
  const { stream, written } = terminal(20, 10);
  const table = createLiveTable(stream);
  table.draw([line('one'), line('two')]);
  expect(written()).toBe('<one>\n<two>\n');
  table.draw([line('three')]);
  expect(written()).toBe('\u001b[2A\u001b[1G\u001b[0J<three>\n');
  table.clear();
  table.clear();
  expect(written()).toBe('\u001b[1A\u001b[1G\u001b[0J');
});

test('what is wider than the terminal is cut and not wrapped, what is longer is counted', () => {
  const { stream, written } = terminal(8, 4);
  createLiveTable(stream).draw([line('12345678'), line('123456789'), line('日本語日本語'), line('d')]);
  expect(written()).toBe('<12345678>\n1234567…\n… 2 more\n');
});
