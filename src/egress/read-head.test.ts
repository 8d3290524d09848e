import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { ByteReader } from './byte-reader.ts';
import { readHead } from './read-head.ts';
import { malformed } from './refusal.ts';

function read(stream: PassThrough, maxBytes = 1000, timeoutMs = 10_000) {
  const reader = new ByteReader(stream);
  const head = readHead(reader, {
    maxBytes,
    timeoutMs,
    fault: malformed,
    onTimeout: () => reader.abandon(new Error('late')),
  });
  return { reader, head };
}

test('a head is found wherever it is cut, and the bytes behind it stay', async () => {
  const text = 'GET / HTTP/1.1\r\nHost: h\r\n\r\nbody';
  for (let cut = 1; cut < text.length - 4; cut += 1) {
    const stream = new PassThrough();
    const { reader, head } = read(stream);
    stream.write(text.slice(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    stream.write(text.slice(cut));
    expect(String(await head)).toBe(text.slice(0, -4));
    expect(String(await reader.read())).toBe('body');
  }
});

test('a close before the first byte is no head, one in the middle is a fault', async () => {
  const empty = new PassThrough();
  empty.end();
  expect(await read(empty).head).toBeUndefined();
  const half = new PassThrough();
  half.end('GET /');
  await expect(read(half).head).rejects.toMatchObject({ status: 400 });
});

test('a bare line feed is refused without waiting for more', async () => {
  const stream = new PassThrough();
  stream.write('GET / HTTP/1.1\nHost: h\n\n');
  await expect(read(stream).head).rejects.toMatchObject({ status: 400 });
});

test('a head without end is refused at its bound', async () => {
  const stream = new PassThrough();
  stream.write('x'.repeat(1001));
  await expect(read(stream).head).rejects.toMatchObject({ status: 431 });
});

test('a head that takes too long is refused', async () => {
  const stream = new PassThrough();
  stream.write('GET /');
  await expect(read(stream, 1000, 5).head).rejects.toMatchObject({ status: 408 });
});
