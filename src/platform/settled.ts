// Several things at once: in which order they begin, and what becomes of the others when one fails.

/** Once everything that was begun in this turn is under way. */
export function afterThis(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * The results of all, in their order. A failure is thrown once none of them is at work any more: who cleans up behind it must not have
 * another one still at work.
 */
export async function settleAll<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
