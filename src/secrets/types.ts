// A secret carries where it may go. The cage sees its placeholder only; the value lives in the store and in the egress.

/** Where in a request a placeholder is swapped for the value. Anywhere else it is a refusal. */
export type SecretSlot =
  /** The whole value of this header (lower-case name), `x-api-key`. */
  | { kind: 'header'; name: string }
  /** `Authorization: Bearer …` (or `token …`, as GitHub's API has it). */
  | { kind: 'bearer' }
  /** The password of `Authorization: Basic …`. */
  | { kind: 'basic-password' };

export interface SecretBinding {
  /** Upper-case name as in the environment: `ANTHROPIC_API_KEY`. */
  name: string;
  /** Exact hosts. Never a pattern. */
  hosts: readonly string[];
  slots: readonly SecretSlot[];
  /** What the cage gets instead: a prefix that looks right to the client, and 128 random bits in hex. */
  placeholder: string;
}
