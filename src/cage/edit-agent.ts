// The user's editor on the file of an agent of theirs. What is wrong with it is said afterwards; the file stays as it was saved.
import { IronError } from '../platform/errors.ts';
import { runAttached } from '../platform/attached.ts';
import { findProgram } from '../platform/processes.ts';
import { ownAgentFile } from './agent-files.ts';
import type { Context } from './context.ts';

export async function editAgent(context: Context, name: string): Promise<void> {
  const file = ownAgentFile(context, name);
  const { environment } = context;
  // As git has it, but without a shell: words are what blanks divide.
  const wanted = environment['VISUAL'] ?? environment['EDITOR'] ?? 'vi';
  const [word = '', ...args] = wanted.split(/\s+/).filter((each) => each !== '');
  const program = word.includes('/') ? word : findProgram(word, environment['PATH']);
  if (program === undefined) {
    throw new IronError('E_TOOL_MISSING', {
      message: `there is no editor ${JSON.stringify(word)}`,
      hint: `set EDITOR, or edit ${file} and run ironcage agents show ${name}`,
    });
  }
  const exitCode = await runAttached(program, [...args, file], { env: environment });
  if (exitCode === 0) return;
  throw new IronError('E_IO', {
    message: `${word} ended with ${exitCode === null ? 'a signal' : `exit code ${exitCode}`}`,
    hint: `look at ${file}`,
  });
}
