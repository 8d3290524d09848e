// Progress of what takes longer than a second, and silence of what does not.

const FIRST_MS = 1_000;
const EVERY_MS = 2_000;

/** Tells how far a loop is; `done` is called once a round and costs a look at the clock. `total`: absent where nobody knows it. */
export function countSlowly(tell: (line: string) => void, what: string, total?: number): (done: number) => void {
  let next = performance.now() + FIRST_MS;
  return (done) => {
    if (performance.now() < next) return;
    next = performance.now() + EVERY_MS;
    tell(`${what}: ${done}${total === undefined ? '' : ` of ${total}`}`);
  };
}

/** Tells once what is being waited for. */
export async function tellIfSlow<T>(tell: (line: string) => void, what: string, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(() => tell(`${what} …`), FIRST_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}
