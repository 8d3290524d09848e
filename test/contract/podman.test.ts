// As root its cages are rootful ones, as anybody else rootless ones.
import { describe } from 'vitest';
import { startTestCage } from '../support/cage.ts';
import { engineReason } from '../support/engines.ts';
import { describeBackend, type MakeCage } from './backend-contract.ts';
import { describeStartPaths } from './start-paths.ts';

const reason = engineReason('podman');

describe.skipIf(reason !== undefined)(reason ?? 'Podman is here', () => {
  const makeCage: MakeCage = (name, request) => startTestCage(name, { ...request, backend: 'podman' });
  describeBackend('podman', makeCage);
  describeStartPaths('podman', makeCage, 'podman');
});
