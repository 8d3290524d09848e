// A program of the user's own on the user's own terminal, such as an editor. Never one that a cage had a hand in.
import { spawn } from 'node:child_process';
import type { Environment } from './environment.ts';

/** Resolves with its exit code, null after a signal. Rejects when it could not be started. */
export function runAttached(
  program: string,
  args: readonly string[],
  { env }: { env: Environment },
): Promise<number | null> {
  return new Promise((ended, failed) => {
    const child = spawn(program, [...args], { env, stdio: 'inherit' });
    child.once('error', failed);
    child.once('exit', ended);
  });
}
