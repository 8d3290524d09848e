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
  // What a gate has no part in, others hold: root's cages here, and an ordinary user's over Podman.
  const isGated = process.getuid?.() !== 0;
  describeBackend('docker', makeCage, isGated ? ['paths', 'worktrees', 'homes'] : []);
  describeStartPaths('docker', makeCage, 'docker');
  if (isGated) describeGate(makeCage);
});
