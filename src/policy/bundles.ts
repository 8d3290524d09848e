// Named sets of rules for services that agents need, and the one place where a name becomes one.
import { anthropic } from './bundles/anthropic.ts';
import type { Bundle } from './bundles/bundle.ts';
import { githubBundle } from './bundles/github.ts';
import { googleAi } from './bundles/google-ai.ts';
import { openai } from './bundles/openai.ts';
import { apt, crates, npm, pypi } from './bundles/packages.ts';
import { s3Bundle } from './bundles/s3.ts';

export type { Bundle } from './bundles/bundle.ts';

/** Bundles whose name is the whole of it. */
export const BUNDLES: Readonly<Record<string, Bundle>> = {
  npm,
  pypi,
  crates,
  apt,
  anthropic,
  openai,
  'google-ai': googleAi,
};

/** Hosts that take inference: nobody's key but the user's passes there, bundle or not. */
export const MODEL_HOSTS: ReadonlySet<string> = new Set(
  [anthropic, openai, googleAi].flatMap(({ rules }) => rules.map(({ host }) => host)),
);

/** The bundle that a text names, or undefined. */
export function findBundle(text: string): Bundle | undefined {
  if (Object.hasOwn(BUNDLES, text)) return BUNDLES[text];
  return githubBundle(text) ?? s3Bundle(text);
}
