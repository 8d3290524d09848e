// How many new questions may be put to people: a cage that asks without end would wear them down to a yes. Time is an argument.

export interface Pace {
  /** Takes one from what is left; false when nothing is. */
  take(): boolean;
}

const MINUTE_MS = 60_000;

/** A bucket that holds a minute's worth and fills evenly. A clock that is set back fills nothing. */
export function createPace(perMinute: number, now: () => number): Pace {
  let left = perMinute;
  let lastMs = now();
  return {
    take() {
      const nowMs = now();
      left = Math.min(perMinute, left + (Math.max(0, nowMs - lastMs) * perMinute) / MINUTE_MS);
      lastMs = nowMs;
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}
