// How long a query a rule that was made from traffic lets pass: what was seen, rounded up so that another page number or a
// longer name still fits, and no more. Pure.

const LEAST_BYTES = 32;

/** 0 stays 0; anything else becomes the next power of two, 32 at least. */
export function queryBound(seenBytes: number): number {
  if (seenBytes === 0) return 0;
  return Math.max(LEAST_BYTES, 2 ** Math.ceil(Math.log2(seenBytes)));
}
