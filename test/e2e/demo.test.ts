// The demo is the main job done for real; this holds it to its own proofs.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { engineReason } from '../support/engines.ts';

const DEMO = fileURLToPath(new URL('../../examples/demo/demo.mjs', import.meta.url));

const PROOFS = [
  /^✓ the real Claude Code .+ ran to its end, exit code 0$/m,
  /^✓ the change is two edits, one new file, one deleted, and nothing else$/m,
  /^✓ the agent committed inside$/m,
  /^✓ a package came from the npm registry through the egress$/m,
  /^✓ the project on the host is as it was: no file, no commit$/m,
  /^✓ sending the project to .+ was refused$/m,
  /^✓ a foreign key on the allowed host was refused/m,
  /^✓ the audit record is unbroken: [1-9]\d* records/m,
  /^✓ the key was put into requests to its own host only$/m,
  /^✓ model server received the real key: yes \([1-9]\d* requests\)$/m,
  /^✓ cage held the real key: no/m,
  /^✓ the ignored \.env and the password in the git remote did not get in$/m,
];

test('the demo runs the real agent and every one of its promises holds', () => {
  runDemo([], 230_000);
});

for (const engine of ['docker', 'podman'] as const) {
  const reason = engineReason(engine);
  // Built the first time; after that the engine has the images.
  test.skipIf(reason !== undefined)(
    `so it does in a container of ${engine}, with the agent of its image${reason === undefined ? '' : ` (skipped: ${reason})`}`,
    () => {
      expect(runDemo([engine], 590_000)).toMatch(/agent-claude-\S+: (?:unchanged|building)/);
    },
    600_000,
  );
}

function runDemo(args: readonly string[], timeout: number): string {
  const demo = spawnSync(process.execPath, [DEMO, ...args], { encoding: 'utf8', timeout });
  const seen = `${demo.stdout}\n${demo.stderr}`;
  for (const proof of PROOFS) expect(seen).toMatch(proof);
  expect(seen).not.toContain('NOT SO');
  expect(demo.status).toBe(0);
  return seen;
}
