// What a process may use at most, as the kernel tells it and as another process is given it.

/** Of one resource; -1n: as much as there is. */
export type ResourceLimit = readonly [soft: string, hard: string];

export const LIMIT_BYTES = 16;
const UNLIMITED = 'unlimited';
const RESOURCES = 16;

/** In the kernel's order, of /proc/PID/limits; format: proc(5). Undefined when it cannot be read whole. */
export function parseLimits(text: string): ResourceLimit[] | undefined {
  const limits = text.split('\n').flatMap((line): ResourceLimit[] => {
    const [, soft, hard] = /^Max .{21} ?(\d+|unlimited) +(\d+|unlimited)/.exec(line) ?? [];
    return soft === undefined || hard === undefined ? [] : [[soft, hard]];
  });
  return limits.length === RESOURCES ? limits : undefined;
}

/** Two words for each resource: struct rlimit64. */
export function limitBytes(limits: readonly ResourceLimit[]): Buffer {
  const bytes = Buffer.alloc(limits.length * LIMIT_BYTES);
  limits.flat().forEach((value, index) => bytes.writeBigUInt64LE(numberOf(value), index * 8));
  return bytes;
}

function numberOf(value: string): bigint {
  return value === UNLIMITED ? 2n ** 64n - 1n : BigInt(value);
}

/** CAP_SYS_RESOURCE. */
const MAY_RAISE = 24n;

/** Whether a process can give itself these: `own` and `status` are its /proc/PID/limits and /proc/PID/status. */
export function canBeSet(limits: readonly ResourceLimit[], own: string, status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]{16})$/m.exec(status)?.[1];
  if (effective !== undefined && ((BigInt(`0x${effective}`) >> MAY_RAISE) & 1n) === 1n) return true;
  const mine = parseLimits(own);
  return limits.every(([, hard], index) => numberOf(hard) <= numberOf(mine?.[index]?.[1] ?? '0'));
}
