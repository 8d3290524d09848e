// The snapshots of a cage as rows of a table.
import type { Snapshot } from './kept-library.ts';
import type { Span } from './span.ts';

export function snapshotRows(snapshots: readonly Snapshot[]): Span[][] {
  return snapshots.map(({ name, createdAt, bytes, automatic, problem }) => [
    name,
    createdAt,
    problem === undefined ? sizeText(bytes) : ['red', `cannot be read: ${problem}`],
    automatic ? 'made by rewind' : '',
  ]);
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** In powers of 1000, as disks are counted. */
export function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}
