// Turns a name into addresses that may be dialled. Runs after the policy said yes, for exactly that name; every answer is
// vetted, and only what was vetted is dialled: a name that changes its mind between check and use changes nothing.
import { lookup } from 'node:dns/promises';
import { addressBlock, isMetadataAddress } from '../policy/addresses.ts';
import { isAddressLiteral } from '../policy/hosts.ts';
import { Refusal, upstreamFailure } from './refusal.ts';

/** All addresses of a name, as the host resolves it. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface Resolver {
  /** Vetted addresses, at least one. Throws a Refusal. */
  resolve(host: string, allowPrivate: boolean): Promise<readonly string[]>;
}

const CACHED_MS = 30_000;
const MAX_CACHED = 1000;
/** Lookups block threads that the audit needs for its writes: some must stay free. */
const MAX_CONCURRENT = 2;

/** `now` in milliseconds. */
export function createResolver(lookupAll: Lookup, now: () => number): Resolver {
  const cache = new Map<string, { answers: Promise<readonly string[]>; expiresAt: number }>();
  const enter = createGate(MAX_CONCURRENT);

  function answersOf(host: string): Promise<readonly string[]> {
    const known = cache.get(host);
    if (known !== undefined && known.expiresAt > now()) return known.answers;
    const answers = enter(() => lookupAll(host));
    const entry = { answers, expiresAt: now() + CACHED_MS };
    cache.delete(host);
    cache.set(host, entry);
    answers.catch(() => {
      if (cache.get(host) === entry) cache.delete(host);
    });
    const oldest = cache.size > MAX_CACHED ? cache.keys().next().value : undefined;
    if (oldest !== undefined) cache.delete(oldest);
    return answers;
  }

  return {
    async resolve(host, allowPrivate) {
      const answers = isAddressLiteral(host) ? [host] : await lookUp(host, answersOf);
      return vetAddresses(host, answers, allowPrivate);
    },
  };
}

async function lookUp(host: string, answersOf: (host: string) => Promise<readonly string[]>) {
  try {
    return await answersOf(host);
  } catch {
    throw upstreamFailure(`the name ${host} could not be resolved`);
  }
}

/**
 * The answers that may be dialled, IPv4 first. Throws a Refusal when none is left. Of mixed answers the public ones are
 * used: only what stands in the result is ever dialled, so that a private one among them leads nowhere.
 */
export function vetAddresses(host: string, answers: readonly string[], allowPrivate: boolean): readonly string[] {
  const blocks = new Set<string>();
  const vetted = answers.filter((address) => {
    const block = isMetadataAddress(address) ? 'metadata' : allowPrivate ? undefined : addressBlock(address);
    if (block !== undefined) blocks.add(block);
    return block === undefined;
  });
  if (vetted.length > 0) {
    return vetted.toSorted((left, right) => Number(left.includes(':')) - Number(right.includes(':')));
  }
  if (blocks.size === 0) throw upstreamFailure(`the name ${host} has no address`);
  throw new Refusal({
    status: 403,
    rule: '<address>',
    reason: `${host} resolves to an address that is not public (${[...blocks].join(', ')})`,
    remedy: blocks.has('metadata') ? '' : 'allow it with a rule that ends in the word private',
  });
}

export async function systemLookup(host: string): Promise<readonly string[]> {
  const answers = await lookup(host, { all: true, order: 'verbatim' });
  return answers.map(({ address }) => address);
}

/** Lets at most `places` pieces of work run at a time, the others in their order of arrival. */
function createGate(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = places;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((enter) => waiting.push(enter));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
