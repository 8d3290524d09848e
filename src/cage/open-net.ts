// What an open cage cannot have: nothing looks at its traffic, so that no rule, no route and no secret would ever be heard of.
// Whatever names one is refused, since it would be believed to count.
import { IronError } from '../platform/errors.ts';
import type { CageOptions } from './options.ts';
import type { CageSpec } from './spec.ts';

/** Told when such a cage is made and with every start of it. */
export const OPEN_WARNING =
  'its network is open: everything that it holds can be sent anywhere, unseen and without a record; only SSH ports, image registries, private networks and this machine are kept from it';

/** Throws for the first option that contradicts an open network: E_PROTECTION where a backend has none, else E_USAGE. */
export function refuseForOpen(options: CageOptions, backend: CageSpec['backend']): void {
  if (backend === 'native') {
    throw new IronError('E_PROTECTION', {
      message: '--net open is not to be had with the native backend',
      because: 'a native cage has no network device at all; only an engine can give one to a cage',
      hint: 'add --backend docker or --backend podman, or use --net filtered, ask or learn',
    });
  }
  const contradiction = CONTRADICTIONS.find(({ isGiven }) => isGiven(options));
  if (contradiction === undefined) return;
  throw new IronError('E_USAGE', {
    message: `${contradiction.option} has no meaning in a cage with --net open`,
    because: contradiction.because,
    hint: contradiction.hint,
  });
}

interface Contradiction {
  option: string;
  isGiven: (options: CageOptions) => boolean;
  because: string;
  hint: string;
}

const UNSEEN =
  'nothing looks at its traffic: no rule is asked, and everything passes that is not dropped for every open cage';
const FILTERED = 'leave it out, or use --net filtered, ask or learn';
const NO_SECRET = 'no egress is there that would put a secret in, so that a placeholder is worth nothing';
const BY_HAND =
  'use --net filtered; or hand the value itself in with --env NAME, and the cage has it and can send it anywhere';

const CONTRADICTIONS: readonly Contradiction[] = [
  { option: '--allow', isGiven: ({ allow }) => allow.length > 0, because: UNSEEN, hint: FILTERED },
  { option: '--policy', isGiven: ({ policies = [] }) => policies.length > 0, because: UNSEEN, hint: FILTERED },
  { option: '--route', isGiven: ({ routes }) => routes.length > 0, because: UNSEEN, hint: FILTERED },
  { option: '--secret', isGiven: ({ secrets }) => secrets.length > 0, because: NO_SECRET, hint: BY_HAND },
  { option: '--auth api-key', isGiven: ({ auth }) => auth === 'api-key', because: NO_SECRET, hint: BY_HAND },
];

/** Throws E_USAGE for rules of an open cage. */
export function refuseRulesOfOpen({ name, net }: Pick<CageSpec, 'name' | 'net'>): void {
  if (net !== 'open') return;
  throw new IronError('E_USAGE', {
    message: `the cage ${name} has --net open, where no rule counts`,
    because: UNSEEN,
    hint: 'make another cage with --net filtered, ask or learn',
  });
}
