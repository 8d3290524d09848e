// One command inside a cage whose output is wanted as data: nobody is attached, and it ends when its time is over.
import { run } from '../platform/processes.ts';
import type { Context } from './context.ts';
import { ensureRunning } from './ensure-running.ts';
import { commandFor, leaveCage } from './enter.ts';
import { occupy } from './occupancy.ts';
import { openSession } from './session.ts';
import { cagePaths, withCageLock } from './store.ts';

export interface CaptureRequest {
  argv: readonly string[];
  timeoutMs: number;
  /** Of both streams together; what is beyond it is not kept. */
  maxOutputBytes: number;
}

export interface Captured {
  /** 128 + n after signal n; undefined when its time was over. */
  exitCode: number | undefined;
  /** Both streams as they came; hostile bytes. */
  output: Buffer;
  isCut: boolean;
}

/** Starts a stopped cage, and lets it stop again when nobody else is in it. */
export async function captureInCage(context: Context, name: string, request: CaptureRequest): Promise<Captured> {
  const { state, leave } = await withCageLock(context, name, async () => ({
    state: await ensureRunning(context, name, { stopWhenIdle: true }),
    leave: occupy(cagePaths(context, name)),
  }));
  try {
    const command = commandFor(await openSession(context, name), state, { argv: request.argv }, false);
    const kept: Buffer[] = [];
    let bytes = 0;
    const onOutput = (chunk: Buffer): void => {
      // A piece of nothing would still hold the whole of what it was cut from.
      if (bytes < request.maxOutputBytes) kept.push(chunk.subarray(0, request.maxOutputBytes - bytes));
      bytes += chunk.length;
    };
    const { env, cwd } = command;
    const options = { env, cwd, timeoutMs: request.timeoutMs, onOutput, uncollected: true };
    const { exitCode, timedOut } = await run(command.program, command.args, options);
    await command.endLeftOver?.();
    return {
      exitCode: timedOut ? undefined : (exitCode ?? 255),
      output: Buffer.concat(kept),
      isCut: bytes > request.maxOutputBytes,
    };
  } finally {
    await leaveCage(context, name, leave);
  }
}
