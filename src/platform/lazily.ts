// A function whose module is loaded at its first call.

/** The same function as `load` gives, except that it always answers with a promise. */
export function lazily<A extends unknown[], R>(
  load: () => Promise<(...args: A) => R | Promise<R>>,
): (...args: A) => Promise<R> {
  return async (...args) => (await load())(...args);
}
