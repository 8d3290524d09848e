// What one probe of `verify` has found. No probe says more than that: what it means is the reader's.
export interface Probe {
  id: string;
  group: string;
  ok: boolean;
  expected: string;
  observed: string;
}
