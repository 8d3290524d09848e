// The package caches that cages may share, as data: where each tool has it below the home, and whether the tool looks again at
// what it takes out. A cache holds packages and nothing else: no settings, no logins, no programs on PATH.
import { IronError } from '../platform/errors.ts';

export const CACHE_NAMES = ['npm', 'pnpm', 'pip', 'uv', 'cargo', 'go', 'maven', 'gradle'] as const;
export type CacheName = (typeof CACHE_NAMES)[number];

export interface PackageCache {
  /** Relative to the home. */
  path: string;
  /** The tool compares what it takes out with the hashes of a lock file. */
  checked: boolean;
}

export const PACKAGE_CACHES: Readonly<Record<CacheName, PackageCache>> = {
  npm: { path: '.npm/_cacache', checked: true },
  pnpm: { path: '.local/share/pnpm/store', checked: false },
  pip: { path: '.cache/pip', checked: false },
  uv: { path: '.cache/uv', checked: false },
  cargo: { path: '.cargo/registry', checked: false },
  go: { path: 'go/pkg/mod', checked: false },
  maven: { path: '.m2/repository', checked: false },
  gradle: { path: '.gradle/caches/modules-2', checked: false },
};

/** Each once, in the order of the table; `none` alone for none. Throws E_USAGE. */
export function parseCacheNames(texts: readonly string[]): CacheName[] {
  if (texts.length === 1 && texts[0] === 'none') return [];
  const unknown = texts.find((text) => CACHE_NAMES.every((name) => name !== text));
  if (unknown === undefined) return CACHE_NAMES.filter((name) => texts.includes(name));
  throw new IronError('E_USAGE', {
    message: `there is no package cache ${JSON.stringify(unknown.slice(0, 80))}`,
    hint: `choose of: ${CACHE_NAMES.join(', ')}; or none, alone`,
  });
}
