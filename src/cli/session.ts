// What a handler may use besides its arguments: the output, the terminal's questions, and the library once it is needed.
import type { InputStream } from './host.ts';
import type { Context, Library } from './library.ts';
import type { Output } from './output.ts';

export interface Opened {
  library: Library;
  context: Context;
}

export interface Session {
  output: Output;
  stdin: InputStream;
  cwd: string;
  /** Someone can be asked: stdin is a terminal. */
  interactive: boolean;
  /** stdin and stdout are both terminals: a program inside gets one of its own. */
  terminal: boolean;
  open: () => Promise<Opened>;
}

/** The cage that was named, else the current project's. Throws E_NO_CAGE when there is none. */
export function targetCage(opened: Opened, session: Session, named: string | undefined): Promise<string> {
  return opened.library.resolveCageName(opened.context, named, session.cwd);
}
