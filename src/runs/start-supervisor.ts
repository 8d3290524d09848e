// Starts the supervisor of a run inside its cage, and ends what is left of a run whose supervisor is gone.
import { spawn } from 'node:child_process';
import { INSIDE_NODE } from '../backends/host/layout.ts';
import type { EnterCommand } from '../backends/backend.ts';
import { commandFor } from '../cage/enter.ts';
import type { CageSession } from '../cage/session.ts';
import { readCageState } from '../cage/store.ts';
import type { RunningState } from '../cage/state.ts';
import { IronError } from '../platform/errors.ts';
import { timeLimit } from '../platform/patience.ts';
import { run } from '../platform/processes.ts';
import { printableLine } from '../platform/text.ts';
import { SUPERVISOR } from './live-cage.ts';
import type { LaunchFile } from './launch-file.ts';

/** How long a supervisor may take to say that it is there. */
const START_MS = 30_000;
const LOOK_MS = 20;
const KEPT_CHARACTERS = 2_000;
const END_MS = 30_000;

/** Resolves when `isThere`. Throws E_BACKEND with what was said instead. */
export async function startSupervisor(
  session: CageSession,
  id: string,
  { argv, env, cwd }: LaunchFile,
  isThere: () => boolean,
): Promise<void> {
  const command = commandFor(
    session,
    runningState(session),
    {
      argv: [INSIDE_NODE, SUPERVISOR, id, '--', ...argv],
      env,
      detached: true,
      ...(cwd === null ? {} : { cwd }),
    },
    false,
  );
  const started = spawnDetached(command);
  const isOver = timeLimit(START_MS);
  while (!isThere()) {
    // A container's command line ends at once; with a failure it has said why.
    if (started.failed() || isOver()) {
      throw new IronError('E_BACKEND', {
        message: 'the supervisor of the run did not start',
        because: printableLine(started.said().trim()) || 'it said nothing',
        hint:
          session.spec.backend === 'native'
            ? `restart the cage and launch it again: ironcage restart ${session.spec.name}`
            : 'it is run by this machine’s Node: the image needs the C library that it needs, most often glibc',
      });
    }
    await new Promise((wake) => setTimeout(wake, LOOK_MS));
  }
  started.letGo();
}

function runningState({ context, spec }: CageSession): RunningState {
  const state = readCageState(context, spec.name);
  if (state.phase === 'running') return state;
  throw new IronError('E_NOT_RUNNING', {
    message: `the cage ${spec.name} does not run`,
    hint: `start it and launch the run again: ironcage start ${spec.name}`,
  });
}

interface Started {
  failed(): boolean;
  said(): string;
  letGo(): void;
}

function spawnDetached({ program, args, env, cwd }: EnterCommand): Started {
  // A file of ours here could be opened anew from inside; a pipe has nothing to give.
  const child = spawn(program, [...args], { env, cwd, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  let ended = false;
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < KEPT_CHARACTERS) said += chunk.toString('utf8');
  });
  child.once('error', (error) => {
    said += error.message;
    ended = true;
  });
  child.once('exit', (code) => (ended = code !== 0));
  return {
    failed: () => ended,
    said: () => said.slice(0, KEPT_CHARACTERS),
    letGo() {
      child.stderr.destroy();
      child.unref();
    },
  };
}

/** Ends all that carries the mark of a run. False when that could not be done. */
export async function endRun(session: CageSession, id: string): Promise<boolean> {
  const argv = [INSIDE_NODE, SUPERVISOR, '--end', id];
  const { program, args, env, cwd } = commandFor(session, runningState(session), { argv, cwd: '/' }, false);
  const { exitCode } = await run(program, args, { env, cwd, timeoutMs: END_MS });
  return exitCode === 0;
}
