// Several things at once of which one may fail: who cleans up behind a failure must not have another one still at work.

/** The results of all, in their order. A failure is thrown once none of them is at work any more. */
export async function settleAll<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
