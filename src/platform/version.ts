// The version of this package. Imports node builtins only: `--version` must start as fast as node itself.
import { readFileSync } from 'node:fs';

/** Reads it from package.json, which lies two levels up from both src/cli and dist/cli. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    if (typeof manifest.version === 'string') return manifest.version;
  }
  return 'unknown';
}
