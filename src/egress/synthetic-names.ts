// One address per name, out of a range that is routed nowhere: whoever connects to the address has said which name it
// means. Bounded: a cage that asks for more names than there are places loses its oldest ones, and only those.

export interface SyntheticNames {
  /** The address of a normalised name; the same one as long as the name is remembered. */
  readonly addressOf: (name: string) => string;
  /** The name behind an address; undefined for an address that was not given out. */
  readonly nameOf: (address: string) => string | undefined;
}

const MAX_NAMES = 65_000;

export function createSyntheticNames(maxNames = MAX_NAMES): SyntheticNames {
  // Map keeps insertion order: the first key is the one that was asked for longest ago.
  const byName = new Map<string, string>();
  const byAddress = new Map<string, string>();

  function nextAddress(): string {
    const oldest = byName.size >= maxNames ? byName.entries().next().value : undefined;
    if (oldest === undefined) return formatPlace(byName.size + 1);
    const [name, address] = oldest;
    byName.delete(name);
    byAddress.delete(address);
    return address;
  }

  return {
    addressOf(name) {
      const known = byName.get(name);
      const address = known ?? nextAddress();
      byName.delete(name);
      byName.set(name, address);
      byAddress.set(address, name);
      return address;
    },
    nameOf: (address) => byAddress.get(address),
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
