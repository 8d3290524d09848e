// Cages of the machine’s Docker daemon.
import { describe } from 'vitest';
import { startTestCage } from '../support/cage.ts';
import { engineReason } from '../support/engines.ts';
import { describeBackend, type MakeCage } from './backend-contract.ts';
import { describeGate } from './gate.ts';
import { describeStartPaths } from './start-paths.ts';

const reason = engineReason('docker');

describe.skipIf(reason !== undefined)(reason ?? 'Docker is here', () => {
  const makeCage: MakeCage = (name, request) => startTestCage(name, { ...request, backend: 'docker' });
  describeBackend('docker', makeCage);
  describeStartPaths('docker', makeCage, 'docker');
  if (process.getuid?.() !== 0) describeGate(makeCage);
});
