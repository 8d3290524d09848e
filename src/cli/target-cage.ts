// Which cage a command is about, and which words behind it are paths.
import { resolve } from 'node:path';
import { pathExists } from '../platform/files.ts';
import type { Opened, Session } from './command.ts';

/** The cage that was named, else the current project's. Throws E_NO_CAGE when there is none. */
export function targetCage(opened: Opened, session: Session, named: string | undefined): Promise<string> {
  return opened.library.resolveCageName(opened.context, named, session.cwd);
}

/** A first word that names no cage and is there as a path is one, and the cage is the current project's. */
export async function targetWithPaths(
  opened: Opened,
  session: Session,
  first: string | undefined,
  rest: readonly string[],
): Promise<{ cage: string; paths: string[] }> {
  const isPath = first !== undefined && !isCage(opened, first) && looksLikePath(session, first);
  const cage = await targetCage(opened, session, isPath ? undefined : first);
  return { cage, paths: isPath ? [first, ...rest] : [...rest] };
}

/** A rule or a path is no valid name of a cage, and asking for one that is not valid throws. */
export function isCage({ library, context }: Opened, word: string): boolean {
  return /^[a-z0-9][a-z0-9-]*$/.test(word) && library.cageExists(context, word);
}

function looksLikePath({ cwd }: Session, word: string): boolean {
  return /[./]/.test(word) || pathExists(resolve(cwd, word));
}
