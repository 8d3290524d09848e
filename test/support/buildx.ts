// Docker's buildx, as scripts/setup.mjs unpacks it for the suites: where it is, and why what is built with it is skipped.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { engineReason } from './engines.ts';

/** A configuration of Docker's command line that has it as a plug-in. */
export const BUILDX_CONFIG = fileURLToPath(new URL('../../.cache/buildx/usr/libexec/docker', import.meta.url));

/** Undefined when nothing keeps the suites from it. Where CI demands the engines, it is demanded as well. */
export function buildxReason(): string | undefined {
  if (process.arch !== 'x64') return 'its package is pinned for x86-64 only';
  const isThere = existsSync(join(BUILDX_CONFIG, 'cli-plugins/docker-buildx'));
  if (isThere || hostEnvironment()['CI']) return engineReason('docker');
  return 'there is no buildx: npm run setup -- --tests';
}
