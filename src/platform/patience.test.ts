import { expect, test } from 'vitest';
import { timeLimit, whenLate } from './patience.ts';
import { run } from './processes.ts';

/** As a stop by the terminal, or a machine that stands still: no turn of the loop meanwhile. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('what came while this process stood still is not late', async () => {
  const running = run('true', [], { env: { PATH: '/usr/bin:/bin' }, timeoutMs: 200 });
  standStill(400);
  expect(await running).toMatchObject({ exitCode: 0, timedOut: false });
});

test('what does not come is late once', async () => {
  let times = 0;
  await new Promise<void>((resolve) => {
    whenLate(20, () => {
      times += 1;
      setTimeout(resolve, 40);
    });
  });
  expect(times).toBe(1);
});

test('nothing is late after the waiting has ended', async () => {
  let isLate = false;
  whenLate(10, () => (isLate = true))();
  await new Promise((wake) => setTimeout(wake, 40));
  expect(isLate).toBe(false);
});

test('a limit passes by looking, not by standing still', () => {
  const isOver = timeLimit(100);
  standStill(200);
  expect(isOver()).toBe(false);
  let looks = 0;
  for (; !isOver(); looks += 1) standStill(20);
  expect(looks).toBeGreaterThan(5);
});

test('without any time it is over at once', () => {
  expect(timeLimit(0)()).toBe(true);
});
