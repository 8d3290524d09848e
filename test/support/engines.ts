// The real container engines of this machine, for suites that run over them: which are there, and what their cages are made
// of. With the image comes what its suites call inside; an engine that is missing has a reason, and where packages can be
// installed its absence is a failure.
import { accessSync, constants } from 'node:fs';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { findProgram } from '../../src/platform/processes.ts';

/** Made by test-image.ts: Debian with the programs that the suites call, from the machine's own mirror. */
export const TEST_IMAGE = 'ironcage-test:bookworm';

export type TestEngine = 'docker' | 'podman';

const NEEDED: Readonly<Record<TestEngine, readonly string[]>> = {
  docker: ['docker', 'dockerd', 'mmdebstrap'],
  podman: ['podman', 'runc', 'mmdebstrap'],
};

/** For the user of a rootless engine. */
const NEEDED_ROOTLESS = ['newuidmap', 'setpriv', 'fuse-overlayfs', 'slirp4netns'];

/** What keeps the suites from an engine, or undefined when nothing may. */
export function engineReason(engine: TestEngine, rootless = false): string | undefined {
  if (isDemanded()) return undefined;
  if (process.getuid?.() !== 0) return 'only root can make the image of the tests and start the engine';
  const missing = [...NEEDED[engine], ...(rootless ? NEEDED_ROOTLESS : [])].filter((program) => !isThere(program));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

/** Where `npm test` has installed the engines, or whoever runs the tests promised to have: nothing is skipped in silence. */
function isDemanded(): boolean {
  return Boolean(hostEnvironment()['CI']) || (process.getuid?.() === 0 && isThere('apt-get'));
}

export function pathOfTests(): string {
  return [hostEnvironment()['PATH'] ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].join(':');
}

function isThere(program: string): boolean {
  const found = findProgram(program, pathOfTests());
  if (found === undefined) return false;
  accessSync(found, constants.X_OK);
  return true;
}
