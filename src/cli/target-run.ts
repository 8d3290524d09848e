// Which run a command is about: the one that was named, or the newest of a cage.
import { IronError } from '../platform/errors.ts';
import type { Opened, Session } from './command.ts';
import { targetCage } from './target-cage.ts';

export function isRunId(text: string): boolean {
  return /^r-\d{8}-[0-9a-f]{6}$/.test(text);
}

/** Throws E_NO_RUN, E_NO_CAGE. */
export async function targetRun(opened: Opened, session: Session, named: string | undefined): Promise<string> {
  const { library, context } = opened;
  // A cage may have a name that looks like one of a run.
  if (named !== undefined && isRunId(named) && !library.cageExists(context, named)) {
    return (await library.findRun(context, named)).id;
  }
  const cage = await targetCage(opened, session, named);
  const newest = (await library.listRuns(context, cage)).at(-1);
  if (newest !== undefined) return newest.id;
  throw new IronError('E_NO_RUN', {
    message: `the cage ${cage} has no runs`,
    hint: `launch one: ironcage launch ${cage} --agent claude -p "…"`,
  });
}
