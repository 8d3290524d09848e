// gVisor's runsc, as scripts/setup.mjs unpacks it for the suites: where it is, and why a suite over it is skipped.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { engineReason } from './engines.ts';

export const RUNSC = fileURLToPath(new URL('../../.cache/runsc/usr/bin/runsc', import.meta.url));

/** Undefined when nothing keeps the suites from it. Where CI demands the engines, it is demanded as well. */
export function gvisorReason(): string | undefined {
  if (process.getuid?.() !== 0) return 'gVisor’s cages are root’s';
  if (process.arch !== 'x64') return 'its package is pinned for x86-64 only';
  const isDemanded = Boolean(hostEnvironment()['CI']);
  return (
    engineReason('podman') ??
    (isDemanded || existsSync(RUNSC) ? undefined : `there is no ${RUNSC}: npm run setup -- --tests`)
  );
}
