// Sizes, counts and spans of time as people write them in rules, and back. Exact: what is written is what is read again.

const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};
/** Larger than anything that passes in a day. */
const MAX_BYTES = 1e15;
const MAX_COUNT = 1e9;

/** Bytes of `1MB`, `64KiB`, `500`; undefined for what is no size. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit = 'B'] = /^(\d{1,15})([kKMG]i?B|B)?$/.exec(text) ?? [];
  const factor = SIZE_UNITS[unit];
  if (digits === undefined || factor === undefined) return undefined;
  const bytes = Number(digits) * factor;
  return bytes <= MAX_BYTES ? bytes : undefined;
}

export function formatSize(bytes: number): string {
  const unit = ['GB', 'MB', 'KB'].find((name) => bytes > 0 && bytes % (SIZE_UNITS[name] ?? 1) === 0);
  return unit === undefined ? String(bytes) : `${bytes / (SIZE_UNITS[unit] ?? 1)}${unit}`;
}

/** A whole number from 1 on; undefined for everything else. */
export function parseCount(text: string): number | undefined {
  const count = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  return count !== undefined && count <= MAX_COUNT ? count : undefined;
}

const SPAN_UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Milliseconds of `30m`, `2h`, `7d`; undefined for what is no span of time. */
export function parseSpan(text: string): number | undefined {
  const [, digits, unit = ''] = /^([1-9]\d{0,5})([smhdw])$/.exec(text) ?? [];
  const factor = SPAN_UNITS[unit];
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}
