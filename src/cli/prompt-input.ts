// Where the prompt of a run comes from: the command line, a file, or standard input. It goes on by none of them.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { errorMessage } from '../platform/errors.ts';
import type { Flags } from './flags.ts';
import type { Session } from './command.ts';
import { usageError } from './usage-error.ts';

/** Throws E_USAGE where there is none. */
export async function readPrompt(flags: Flags, session: Session): Promise<string> {
  const [text, file] = [flags.text('prompt'), flags.text('prompt-file')];
  const prompt =
    text === '-' || file === '-'
      ? await readAll(session)
      : file === undefined
        ? text
        : readFile(resolve(session.cwd, file));
  if (prompt !== undefined && prompt.trim() !== '') return prompt;
  throw usageError(prompt === undefined ? 'the run has no prompt' : 'the prompt is empty', {
    hint: 'write -p "fix the tests", --prompt-file FILE, or -p - to read it from standard input',
  });
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usageError('the file with the prompt cannot be read', {
      because: errorMessage(error),
      hint: 'name a file that you can read',
    });
  }
}

async function readAll({ stdin }: Session): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stdin) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString('utf8');
}
