// Programs inside a running cage, attached to the caller: with its own pipes, or with a terminal of the cage's own.
import { searchPath } from '../backends/host/tools.ts';
import { openRelay, runOnPipes, type Relay } from '../platform/pipes.ts';
import { runInTerminal } from '../platform/terminal.ts';
import type { EnterCommand } from '../backends/backend.ts';
import type { Context } from './context.ts';
import { cageEnvironment } from './cage-environment.ts';
import type { CageSession } from './session.ts';
import { ensureRunning } from './ensure-running.ts';
import { isBusy } from './occupancy.ts';
import type { RunningState } from './state.ts';
import { watchEgress } from './watch-egress.ts';
import { withinCage } from './within-cage.ts';

export interface ExecRequest {
  argv: readonly string[];
  /** Outlives whoever starts it. */
  detached?: true;
  /** Default: the project's directory, or the one below it that was named. */
  cwd?: string | undefined;
  env?: Readonly<Record<string, string>> | undefined;
}

/** `terminal`: a pty of its own, bridged to the caller's. `inherit`: the caller's pipes as they are. */
export type Attachment = 'terminal' | 'inherit';

/** Runs one command inside and resolves with its exit code (128 + n after signal n); starts a stopped cage first. */
export async function execInCage(
  context: Context,
  name: string,
  request: ExecRequest,
  attachment: Attachment,
): Promise<{ exitCode: number }> {
  // Its pipes take as long to make as the cage to be looked at.
  const relay = attachment === 'inherit' ? openRelay(searchPath(context.environment)) : undefined;
  // Told where it is waited for.
  relay?.catch(() => undefined);
  try {
    return await withinCage(
      context,
      name,
      () => ensureRunning(context, name),
      (session, state) => enter(session, state, request, attachment, relay),
    );
  } finally {
    (await relay?.catch(() => undefined))?.close();
  }
}

export async function enter(
  session: CageSession,
  state: RunningState,
  request: ExecRequest,
  attachment: Attachment,
  relay?: Promise<Relay>,
): Promise<{ exitCode: number }> {
  const command = commandFor(session, state, request, attachment === 'terminal');
  const endWatch = watchEgress(quiet(session.context, attachment), session.spec.name, state);
  const attached = attachment === 'terminal' ? runInTerminal(command) : runOnPipes(command, relay);
  const exitCode = await attached.finally(endWatch);
  await command.endLeftOver?.();
  if (exitCode > SIGNALLED) await untilIdle(state);
  return { exitCode };
}

/** The program has the terminal to itself: nothing of ours is written between its lines. */
function quiet(context: Context, attachment: Attachment): Context {
  return attachment === 'terminal' ? { ...context, progress: () => undefined } : context;
}

/** Exit codes above this stand for a signal. */
const SIGNALLED = 128;
const DYING_MS = 500;

/** What a signal took with it dies a moment later; until then the cage would seem to be in use. */
async function untilIdle(state: RunningState): Promise<void> {
  const end = performance.now() + DYING_MS;
  while ((await isBusy(state)) && performance.now() < end) await new Promise((wake) => setTimeout(wake, 5));
}

export function commandFor(
  session: CageSession,
  state: RunningState,
  request: ExecRequest,
  terminal: boolean,
): EnterCommand {
  const { spec, identity, callerIsRoot, backend, context, paths } = session;
  const term = context.environment['TERM'];
  const { memoryBytes, pids, cpus } = spec.limits;
  const limits = { memoryBytes, pids, cpus };
  const plan = { identity, callerIsRoot, limits, env: cageEnvironment(session), runDirectory: paths.run };
  const command = backend.enter(plan, state, {
    argv: request.argv,
    cwd: request.cwd ?? spec.startIn ?? spec.project,
    env: { ...(terminal && term !== undefined ? { TERM: term } : {}), ...request.env },
    terminal,
    ...(request.detached === true && { detached: true }),
  });
  // An engine's helper leaves notes of its own where it was called from, which is most often a project of the user's.
  return spec.backend === 'native' ? command : { ...command, cwd: paths.run };
}
