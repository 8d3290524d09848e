// Which cage a command is about.
import type { Opened, Session } from './command.ts';

/** The cage that was named, else the current project's. Throws E_NO_CAGE when there is none. */
export function targetCage(opened: Opened, session: Session, named: string | undefined): Promise<string> {
  return opened.library.resolveCageName(opened.context, named, session.cwd);
}
