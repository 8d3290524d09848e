// The contract over rootless Podman, where the tests run as root.
import { test } from 'vitest';
import { CONTRACT_TIMEOUT_MS, contractAs } from '../support/contract-as.ts';
import { engineReason } from '../support/engines.ts';
import { requireRootlessUser } from '../support/rootless-user.ts';

const reason = process.getuid?.() === 0 ? engineReason('podman', true) : 'the contract over podman is it';

test.skipIf(reason !== undefined)(
  `the contract holds over rootless Podman${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  async () => contractAs(await requireRootlessUser(), 'podman'),
  CONTRACT_TIMEOUT_MS,
);
