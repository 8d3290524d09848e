// What a run is to be started with, for the recorder that starts it: on file between the two, so that either may die.
import { z } from 'zod';
import { IronError } from '../platform/errors.ts';
import { readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';

const launchSchema = z.strictObject({
  argv: z.array(z.string()).describe('of the agent, whole'),
  env: z.record(z.string(), z.string()),
  cwd: z.string().nullable().describe('null: where programs of the cage start'),
});

export type LaunchFile = z.infer<typeof launchSchema>;

export function writeLaunch(path: string, launch: LaunchFile): void {
  writeFileAtomic(path, JSON.stringify(launch));
}

/** Undefined where the run has started. */
export function readLaunch(path: string): LaunchFile | undefined {
  const text = readTextIfPresent(path);
  if (text === undefined) return undefined;
  const parsed = launchSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new IronError('E_STATE_BROKEN', {
    message: `what a run was to be started with cannot be read: ${path}`,
    hint: 'launch it anew',
  });
}
