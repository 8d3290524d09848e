// When how much of an agent's output was there: lines of `<bytes so far> <milliseconds since the epoch>`, one for each piece.

export interface OutputTime {
  /** Bytes of the output up to here. */
  end: number;
  timeMs: number;
}

export function formatTime(end: number, timeMs: number): string {
  return `${end} ${timeMs}\n`;
}

/** Undefined for a line that is none, such as one that a crash cut. */
export function parseTime(line: string): OutputTime | undefined {
  const [, end, timeMs] = /^(\d{1,15}) (\d{1,15})$/.exec(line) ?? [];
  return end === undefined || timeMs === undefined ? undefined : { end: Number(end), timeMs: Number(timeMs) };
}
