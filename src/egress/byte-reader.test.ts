import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { ByteReader } from './byte-reader.ts';

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('bytes come in order, unread ones first, then the end', async () => {
  const stream = new PassThrough();
  const reader = new ByteReader(stream);
  stream.write('one');
  expect(String(await reader.read())).toBe('one');
  reader.unread(Buffer.from('back'));
  stream.end('two');
  await turn();
  expect(String(await reader.read())).toBe('back');
  expect(String(await reader.read())).toBe('two');
  expect(await reader.read()).toBeUndefined();
});

test('a slow reader stops the writer', async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  const reader = new ByteReader(stream);
  let isAccepted = true;
  for (let count = 0; count < 10 && isAccepted; count += 1) {
    isAccepted = stream.write('01234');
    await turn();
  }
  expect(isAccepted).toBe(false);
  await reader.read();
  await reader.read();
  await turn();
  expect(stream.writableNeedDrain).toBe(false);
});

test('a broken stream rejects the read that waits', async () => {
  const stream = new PassThrough();
  const reader = new ByteReader(stream);
  const waiting = reader.read();
  stream.destroy(new Error('broken'));
  await expect(waiting).rejects.toThrow('broken');
  expect(reader.isOpen).toBe(false);
});

test('an end is noticed while nobody reads', async () => {
  const stream = new PassThrough();
  const reader = new ByteReader(stream);
  let closed = 0;
  reader.onClosed = () => (closed += 1);
  stream.end();
  await turn();
  expect(closed).toBe(1);
});

test('a released stream has every byte that was not asked for', async () => {
  const stream = new PassThrough();
  const reader = new ByteReader(stream);
  stream.write('hello world');
  await turn();
  const bytes = await reader.read();
  reader.unread(bytes?.subarray(6) ?? Buffer.alloc(0));
  reader.release();
  const next = new ByteReader(stream);
  expect(String(await next.read())).toBe('world');
});
