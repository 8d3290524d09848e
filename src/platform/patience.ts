// How long something is waited for, in time in which it could have come: a process that was stopped for a while (Ctrl-Z, a machine that
// stood still) finds its time over and the answer beside it, unread. What passes between two looks counts for a tenth of the time at most.

const LOOKS = 10;

/** Calls `late` once the time is over. Returns what ends the waiting. By turns alone: for Node a clock is one more module to load. */
export function whenLate(ms: number, late: () => void): () => void {
  let looks = 0;
  const timer = setInterval(() => {
    looks += 1;
    if (looks < LOOKS) return;
    clearInterval(timer);
    late();
  }, ms / LOOKS);
  return () => clearInterval(timer);
}

/** For a loop that looks again and again: tells whether its time is over. */
export function timeLimit(ms: number): () => boolean {
  let [left, last] = [ms, performance.now()];
  return () => {
    const now = performance.now();
    left -= Math.min(now - last, ms / LOOKS);
    last = now;
    return left <= 0;
  };
}
