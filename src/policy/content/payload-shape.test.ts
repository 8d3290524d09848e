import { expect, test } from 'vitest';
import { oddities, type BodySample } from './payload-shape.ts';

const sampleOf = (mediaType: string, head: string | number[], changes: Partial<BodySample> = {}): BodySample => ({
  mediaType,
  head: new Uint8Array(Buffer.from(head)),
  histogram: new Uint32Array(256),
  sampledBytes: 0,
  longestBlobBytes: 0,
  ...changes,
});
const noise = { histogram: new Uint32Array(256).fill(16), sampledBytes: 4096 };

test.each([
  ['JSON', sampleOf('application/json', '{"a":1}')],
  ['a PNG image', sampleOf('image/png', [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10])],
  ['a tar archive in gzip', sampleOf('application/x-tar', [0x1f, 0x8b, 8, 0, 0, 0, 0, 0])],
  ['a picture in a form', sampleOf('multipart/form-data', '--x', noise)],
  ['bytes of no kind', sampleOf('application/octet-stream', [0, 1, 2], noise)],
  ['UTF-8 text', sampleOf('text/plain', 'größer als früher')],
])('%s is what it says', (_, sample) => {
  expect(oddities(sample)).toEqual([]);
});

test.each([
  ['an archive as JSON', sampleOf('application/json', [0x50, 0x4b, 3, 4])],
  ['an archive as an image', sampleOf('image/png', [0x50, 0x4b, 3, 4, 0, 0, 0, 0])],
  ['text as an image', sampleOf('image/png', 'just some text')],
  ['binary as text', sampleOf('text/plain', [0x41, 0, 0x42])],
  ['noise as text', sampleOf('text/plain', 'abc', noise)],
  ['noise as nothing', sampleOf('', 'abc', noise)],
  ['a long encoded run', sampleOf('application/json', '{}', { longestBlobBytes: 20_000 })],
])('%s is odd', (_, sample) => {
  expect(oddities(sample)).toHaveLength(1);
});
