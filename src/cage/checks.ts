// Commands that say whether the work in a cage is good: each in a shell of its own, one after the other.
import { captureInCage } from './capture.ts';
import type { Context } from './context.ts';

/** Default for each. */
export const CHECK_MS = 10 * 60_000;

interface ChecksRequest {
  commands: readonly string[];
  /** For each. */
  timeoutMs: number;
  /** Of each, both streams together; what is beyond it is not kept. */
  maxOutputBytes: number;
  /** Those behind one that failed are left out. */
  untilFailure: boolean;
  /** Before each. */
  onCheck?: ((command: string) => void) | undefined;
  /** Aborted: no other one is begun. */
  signal?: AbortSignal | undefined;
}

export interface CheckOutcome {
  command: string;
  /** Null when its time was over. */
  exitCode: number | null;
  durationMs: number;
  /** Both streams as they came; hostile bytes. */
  output: Buffer;
}

/** Undefined when `signal` came first. */
export async function runChecks(
  context: Context,
  cage: string,
  { commands, timeoutMs, maxOutputBytes, untilFailure, onCheck, signal }: ChecksRequest,
): Promise<CheckOutcome[] | undefined> {
  const done: CheckOutcome[] = [];
  for (const command of commands) {
    if (signal?.aborted === true) return undefined;
    onCheck?.(command);
    const began = performance.now();
    const argv = ['/bin/sh', '-c', command];
    const { exitCode = null, output } = await captureInCage(context, cage, { argv, timeoutMs, maxOutputBytes });
    done.push({ command, exitCode, durationMs: Math.round(performance.now() - began), output });
    if (untilFailure && exitCode !== 0) break;
  }
  return done;
}
