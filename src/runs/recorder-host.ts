// Starts the recorder of a run, as a process of its own that lives on when this one ends.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { answerOf } from '../backends/host/confined-process.ts';
import type { Context } from '../cage/context.ts';
import { IronError } from '../platform/errors.ts';
import { PACKAGE_ROOT } from '../platform/package-root.ts';
import { printableLine } from '../platform/text.ts';
import { placesBelow, runPlaces } from './run-store.ts';

export interface RecorderTask {
  where: Pick<Context, 'dataRoot' | 'configFile' | 'environment' | 'cwd'>;
  cage: string;
  run: string;
  /** Directory of a run that is none yet: it becomes one by a rename, after which the recorder is told to go on. */
  draft?: string;
}

const answerSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('settled') }).describe('the run goes on, or has ended'),
  z.strictObject({ type: z.literal('failed'), message: z.string() }),
]);

export type RecorderAnswer = z.infer<typeof answerSchema>;

/** A container's engine may take its time. */
const ANSWER_MS = 60_000;

export interface StartedRecorder {
  ready(): Promise<void>;
  /** The run is one now. */
  go(): void;
  settled(): Promise<void>;
  letGo(): void;
  kill(): void;
}

export function startRecorder(context: Context, cage: string, run: string, draft?: string): StartedRecorder {
  const { dataRoot, configFile, environment, cwd } = context;
  const places = draft === undefined ? runPlaces(context, cage, run) : placesBelow(draft);
  const log = openSync(places.log, 'a', 0o600);
  const child = spawn(process.execPath, ['--max-old-space-size=512', join(PACKAGE_ROOT, 'dist/runs/recorder.js')], {
    detached: true,
    cwd: '/',
    env: { PATH: environment['PATH'] },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  child.on('error', () => undefined);
  const task: RecorderTask = {
    where: { dataRoot, configFile, environment, cwd },
    cage,
    run,
    ...(draft !== undefined && { draft }),
  };
  child.send(task, () => undefined);
  return {
    ready: async () => void (await next(child, 'ready')),
    go: () => void child.send({ type: 'go' }, () => undefined),
    settled: async () => void (await next(child, 'settled')),
    letGo() {
      if (child.connected) child.disconnect();
      child.unref();
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function next(child: ChildProcess, type: RecorderAnswer['type']): Promise<RecorderAnswer> {
  return answerOf(child, ANSWER_MS, failure, (message) => {
    const answer = parseAnswer(message);
    if (answer.type === 'failed') throw failure(answer.message);
    return answer.type === type ? answer : undefined;
  });
}

function parseAnswer(message: unknown): RecorderAnswer {
  const parsed = answerSchema.safeParse(message);
  return parsed.success ? parsed.data : { type: 'failed', message: 'it gave an answer that cannot be read' };
}

function failure(because: string): IronError {
  return new IronError('E_BACKEND', {
    message: 'the recorder of the run did not do its work',
    because: printableLine(because),
    hint: 'recorder.log in the run’s directory below cages/NAME/runs says more; nothing is lost: `ironcage runs` starts another one',
  });
}
