// Names of runs: short, in the order of their days, and made up so that two cages of a data root have none in common.
import { randomBytes } from 'node:crypto';

const RUN_ID = /^r-\d{8}-[0-9a-f]{6}$/;

export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

/** `r-<UTC day>-<6 hex>`, none of `taken`. */
export function newRunId(nowMs: number, isTaken: (id: string) => boolean): string {
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '');
  for (;;) {
    const id = `r-${day}-${randomBytes(3).toString('hex')}`;
    if (!isTaken(id)) return id;
  }
}
