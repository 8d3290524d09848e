import { expect, test } from 'vitest';
import { mapAtOnce } from './at-once.ts';

/** Work that ends when it is told to. */
function held() {
  const waiting: { item: number; end: (fail?: boolean) => void }[] = [];
  const work = (item: number): Promise<string> =>
    new Promise((done, failed) =>
      waiting.push({ item, end: (fail) => (fail === true ? failed(new Error(`no ${item}`)) : done(`${item}!`)) }),
    );
  return { waiting, work };
}

const turn = (): Promise<void> => new Promise((wake) => setImmediate(wake));

test('a few are at work at a time, and the results keep their order', async () => {
  const { waiting, work } = held();
  const all = mapAtOnce(2, [1, 2, 3], work);
  expect(waiting.map(({ item }) => item)).toEqual([1, 2]);
  waiting[1]?.end();
  await turn();
  expect(waiting.map(({ item }) => item)).toEqual([1, 2, 3]);
  waiting[2]?.end();
  waiting[0]?.end();
  expect(await all).toEqual(['1!', '2!', '3!']);
  expect(await mapAtOnce(2, [], work)).toEqual([]);
});

test('after a failure nothing more is begun, and what was begun has ended before it is thrown', async () => {
  const { waiting, work } = held();
  let settled = false;
  const all = mapAtOnce(2, [1, 2, 3], work).finally(() => (settled = true));
  all.catch(() => undefined);
  waiting[0]?.end(true);
  await turn();
  expect([waiting.length, settled]).toEqual([2, false]);
  waiting[1]?.end();
  await expect(all).rejects.toThrow('no 1');
  expect(waiting.length).toBe(2);
});
