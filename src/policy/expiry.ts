// When a rule stops to count. Asks no clock: the present comes as an argument. What cannot be read has expired already.

/** Instants as rules carry them: ISO 8601 with seconds and a zone. */
const INSTANT = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** From the very instant on, the rule does not match any more. */
export function isExpired(expires: string, nowMs: number): boolean {
  const instant = parseInstant(expires);
  // Written so that a present that is no number refuses as well.
  return instant === undefined || !(nowMs < instant);
}

/** Milliseconds since the epoch of an ISO 8601 instant; undefined for every other text, also for a day that does not exist. */
export function parseInstant(text: string): number | undefined {
  const [, day] = INSTANT.exec(text) ?? [];
  if (day === undefined || !isDay(day)) return undefined;
  const instant = Date.parse(text);
  return Number.isNaN(instant) ? undefined : instant;
}

/** Whether `YYYY-MM-DD` is a day of the calendar: the platform reads 30 February as a day in March. */
export function isDay(text: string): boolean {
  const midnight = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(text);
}
