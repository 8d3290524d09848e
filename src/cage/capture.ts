// One command inside a cage whose output is wanted as data: nobody is attached, and it ends when its time is over.
import { run } from '../platform/processes.ts';
import type { Context } from './context.ts';
import { ensureRunning } from './ensure-running.ts';
import { commandFor } from './enter.ts';
import type { CageSession } from './session.ts';
import type { RunningState } from './state.ts';
import { withinCage } from './within-cage.ts';

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
  return withinCage(
    context,
    name,
    () => ensureRunning(context, name, { stopWhenIdle: true }),
    (session, state) => capture(session, state, request),
  );
}

async function capture(
  session: CageSession,
  state: RunningState,
  { argv, timeoutMs, maxOutputBytes }: CaptureRequest,
): Promise<Captured> {
  const { program, args, env, cwd, endLeftOver } = commandFor(session, state, { argv }, false);
  const kept: Buffer[] = [];
  let bytes = 0;
  const onOutput = (chunk: Buffer): void => {
    // A piece of nothing would still hold the whole of what it was cut from.
    if (bytes < maxOutputBytes) kept.push(chunk.subarray(0, maxOutputBytes - bytes));
    bytes += chunk.length;
  };
  const { exitCode, timedOut } = await run(program, args, { env, cwd, timeoutMs, onOutput, uncollected: true });
  await endLeftOver?.();
  return {
    exitCode: timedOut ? undefined : (exitCode ?? 255),
    output: Buffer.concat(kept),
    isCut: bytes > maxOutputBytes,
  };
}
