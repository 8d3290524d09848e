// An open cage over rootless Podman, where the tests run as root: the same file, run by a test runner of an ordinary user's.
import { chmodSync, statSync } from 'node:fs';
import { test } from 'vitest';
import { BACKEND } from '../support/backends.ts';
import { CONTRACT_TIMEOUT_MS, suiteAs } from '../support/contract-as.ts';
import { engineReason } from '../support/engines.ts';
import { requireRootlessUser } from '../support/rootless-user.ts';
import { openWorld, WORLD_VARIABLE, worldNumber } from '../support/world.ts';

const TUN = '/dev/net/tun';
const reason = BACKEND === 'podman' && process.getuid?.() === 0 ? engineReason('podman', true) : 'not root’s Podman';

test.skipIf(reason !== undefined)(
  'an open cage of rootless Podman is as narrow',
  async () => {
    const user = await requireRootlessUser();
    const world = await openWorld();
    // As a system's own rules for devices have it: an ordinary user may make devices in networks of its own.
    const { mode } = statSync(TUN);
    chmodSync(TUN, 0o666);
    try {
      const suite = ['--project', 'escape-podman', 'test/escape/open-network.test.ts'];
      await suiteAs(user, 'podman', suite, { [WORLD_VARIABLE]: worldNumber(world) });
    } finally {
      chmodSync(TUN, mode & 0o777);
      await world.close();
    }
  },
  CONTRACT_TIMEOUT_MS,
);
