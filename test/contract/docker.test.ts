// Cages of the machine’s Docker daemon.
import { describe } from 'vitest';
import { startTestCage } from '../support/cage.ts';
import { engineReason } from '../support/engines.ts';
import { describeBackend } from './backend-contract.ts';

const reason = engineReason('docker');

describe.skipIf(reason !== undefined)(reason ?? 'Docker is here', () => {
  describeBackend('docker', (name, request) => startTestCage(name, { ...request, backend: 'docker' }));
});
