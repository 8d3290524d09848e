// What an engine says of an image: whose it is, from what it was made, for which machine. Nothing about images is kept
// beside the engine: a file could say that one is there when it is gone.

export const IMAGE_LABELS = {
  tier: 'io.ironcage.tier',
  /** Hash of all inputs, as hashInputs makes it. */
  inputs: 'io.ironcage.inputs',
  parent: 'io.ironcage.parent',
  /** Of the tier agent: which one it brings. */
  agent: 'io.ironcage.agent',
} as const;

export interface ImageFacts {
  /** 64 hexadecimal digits. */
  id: string;
  /** Such as `linux/amd64`. */
  platform: string;
  /** Of an image of ours: the hash it was built with; else empty. */
  inputs: string;
  /** Of an image of the tier agent: which one it brings. */
  agent?: string;
  /** The PATH that it sets; empty when it sets none. */
  searchPath: string;
}
