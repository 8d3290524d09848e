// As root its cages are rootful ones, as anybody else rootless ones.
import { describe } from 'vitest';
import { startTestCage } from '../support/cage.ts';
import { engineReason } from '../support/engines.ts';
import { describeBackend } from './backend-contract.ts';

const reason = engineReason('podman');

describe.skipIf(reason !== undefined)(reason ?? 'Podman is here', () => {
  describeBackend('podman', (name, request) => startTestCage(name, { ...request, backend: 'podman' }));
});
