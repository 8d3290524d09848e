// One git answers many questions: each asker gets its own answers, and one that ends is told and not waited for.
import { join } from 'node:path';
import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/repositories.ts';
import { createBaseStore } from './base-store.ts';
import { storeObject } from './loose-object.ts';
import { withOpenStore, withReading } from './object-reading.ts';
import { blobSizes, readBlobs } from './read-blobs.ts';

const GONE = '1234567890123456789012345678901234567890';

test('askers that ask at once get their own answers, large and empty ones, and what is gone is not among them', async () => {
  const store = createBaseStore(join(temporaryDirectory(), 'base.git'), 'sha1');
  const texts = ['', 'one\ntwo\n', 'x'.repeat(3_000_000), ...Array.from({ length: 500 }, (_, index) => `${index}\n`)];
  const oids = texts.map((text) => storeObject(store, 'blob', Buffer.from(text)));
  await withOpenStore(store, async (open) => {
    const asked = Array.from({ length: 8 }, (_, from) => [...oids.slice(from), GONE]);
    const [answers, sizes] = await Promise.all([
      Promise.all(asked.map((wanted) => readBlobs(open, wanted))),
      blobSizes(open, [GONE, ...oids]),
    ]);
    for (const [from, answer] of answers.entries()) {
      expect([...answer.keys()]).toEqual(oids.slice(from));
      expect([...answer.values()].map(String)).toEqual(texts.slice(from));
    }
    expect([...sizes]).toEqual(oids.map((oid, index) => [oid, texts[index]?.length]));
  });
});

test('a git that cannot read the store fails every question', async () => {
  const store = createBaseStore(join(temporaryDirectory(), 'base.git'), 'sha1');
  rmSync(join(store.gitDir, 'HEAD'));
  await withReading(store, async (reading) => {
    for (let question = 0; question < 2; question++) {
      await expect(reading.contents([GONE])).rejects.toMatchObject({ code: 'E_WORKSPACE' });
    }
  });
});

test('nothing but names is asked', async () => {
  const store = createBaseStore(join(temporaryDirectory(), 'base.git'), 'sha1');
  await withReading(store, async (reading) => {
    expect(() => reading.contents([`${GONE}\n${GONE}`])).toThrow('no name of an object');
  });
});
