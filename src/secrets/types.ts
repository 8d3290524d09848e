// A secret carries where it may go. The cage sees its placeholder only; the value lives in the store and in the egress.
import type { PlaceholderBinding } from '../policy/types.ts';

export type { SecretSlot } from '../policy/types.ts';

/** The policy's view of a secret is the whole of it but the value: one type, so that the two cannot drift apart. */
export type SecretBinding = PlaceholderBinding;
