// Time as an argument: what must be repeatable in a test takes a Clock instead of asking the machine.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
