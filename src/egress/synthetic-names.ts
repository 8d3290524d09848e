// One address per name, out of a range that is routed nowhere: whoever connects to the address has said which name it
// means. Bounded: a cage that asks for more names than there are places loses those that it has not used for longest; a
// flood of made-up names does not take the place of one that a rule names.

export interface SyntheticNames {
  /** The address of a normalised name; the same one as long as the name is remembered. */
  readonly addressOf: (name: string) => string;
  /** The name behind an address; undefined for an address that was not given out. */
  readonly nameOf: (address: string) => string | undefined;
}

const MAX_NAMES = 65_000;

/** `isKept`: names that lose their place only where there is no other one. */
export function createSyntheticNames(isKept: (name: string) => boolean, maxNames = MAX_NAMES): SyntheticNames {
  // Map keeps insertion order: the first key is the one that was used longest ago.
  const byName = new Map<string, string>();
  const byAddress = new Map<string, string>();

  function use(name: string, address: string): void {
    byName.delete(name);
    byName.set(name, address);
    byAddress.set(address, name);
  }

  function nextAddress(): string {
    if (byName.size < maxNames) return formatPlace(byName.size + 1);
    let left = byName.size;
    for (const [name, address] of byName) {
      left -= 1;
      // A kept name goes behind all others, so that it is not looked at again soon.
      if (left > 0 && isKept(name)) {
        use(name, address);
        continue;
      }
      byName.delete(name);
      byAddress.delete(address);
      return address;
    }
    throw new Error('there is no place for any name');
  }

  return {
    addressOf(name) {
      const address = byName.get(name) ?? nextAddress();
      use(name, address);
      return address;
    },
    nameOf(address) {
      const name = byAddress.get(address);
      if (name !== undefined) use(name, address);
      return name;
    },
  };
}

/** RFC 2544 benchmark range, 198.18.0.0/15. */
function formatPlace(place: number): string {
  return `198.${18 + (place >> 16)}.${(place >> 8) & 0xff}.${place & 0xff}`;
}

/** Whether an address lies in the range that names get their addresses from. */
export function isSynthetic(address: string): boolean {
  return address.startsWith('198.18.') || address.startsWith('198.19.');
}
