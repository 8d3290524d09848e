// Where this package lies on disk: the one place that reckons with where its code is. Two levels up, from src/platform, from
// dist/platform and from the bundle in dist/bin alike. Imports node builtins only.
import { fileURLToPath } from 'node:url';

/** Absolute, without a slash at its end. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
