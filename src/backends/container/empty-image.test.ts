import { expect, test } from 'vitest';
import { EMPTY_LAYER, emptyImageId } from './empty-image.ts';

const ID = `sha256:${'a'.repeat(64)}`;
const EMPTY = { Id: ID, RootFS: { Type: 'layers', Layers: [EMPTY_LAYER] } };
const config = { Env: null, Volumes: null, Cmd: null };

test.each([
  ['no settings', EMPTY],
  ['settings that set nothing', { ...EMPTY, Config: config }],
  ['empty settings', { ...EMPTY, Config: { Env: [], Volumes: {} } }],
])('an image without files and with %s is empty', (_what, image) => {
  expect(emptyImageId(JSON.stringify([image]))).toBe(ID);
});

test.each([
  ['a file', { ...EMPTY, RootFS: { Layers: [EMPTY_LAYER, ID] } }],
  ['another layer', { ...EMPTY, RootFS: { Layers: [ID] } }],
  ['a variable', { ...EMPTY, Config: { ...config, Env: ['LD_PRELOAD=/evil.so'] } }],
  ['a volume', { ...EMPTY, Config: { ...config, Volumes: { '/usr/bin': {} } } }],
  ['a check', { ...EMPTY, Config: { ...config, Healthcheck: { Test: ['CMD', '/evil'] } } }],
  ['no id', { ...EMPTY, Id: 'evil' }],
])('an image with %s is not', (_what, image) => {
  expect(emptyImageId(JSON.stringify([image]))).toBeUndefined();
});

test('what is no answer of an engine is not', () => {
  for (const text of ['', 'null', '[]', '{}', 'Error']) expect(emptyImageId(text)).toBeUndefined();
});
