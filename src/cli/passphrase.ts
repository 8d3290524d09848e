// The passphrase of a backup's secrets: from a file, from a hidden prompt, or from stdin; never from the command line.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { OptionSpec, Session } from './command.ts';
import type { Flags } from './flags.ts';
import { readHidden, readPiped } from './prompt.ts';
import { usageError } from './usage-error.ts';

export const PASSPHRASE_OPTION: OptionSpec = {
  name: 'passphrase-file',
  value: 'FILE',
  summary: 'read the passphrase of the secrets from its first line, instead of asking',
};

const MAX_BYTES = 4096;

/** `isNew`: asked for twice, so that a slip of the hand does not lock everything up. */
export async function readPassphrase(flags: Flags, session: Session, { isNew }: { isNew: boolean }): Promise<string> {
  const file = flags.text('passphrase-file');
  const passphrase = firstLine(file === undefined ? await ask(session, isNew) : readFile(session, file));
  if (passphrase !== '') return passphrase;
  throw usageError('the passphrase is empty', { hint: 'type it at the prompt, pipe it in, or name --passphrase-file' });
}

function readFile({ cwd }: Session, file: string): string {
  const text = readFileSync(resolve(cwd, file), 'utf8');
  if (text.length <= MAX_BYTES) return text;
  throw usageError('the file with the passphrase is too long', { hint: 'name a file with nothing else in it' });
}

async function ask(session: Session, isNew: boolean): Promise<string> {
  if (!session.interactive) return readPiped(session.stdin, MAX_BYTES);
  const passphrase = await readHidden(session, 'passphrase of the secrets:');
  if (isNew && (await readHidden(session, 'once more:')) !== passphrase)
    throw usageError('the two are not the same', { hint: 'run the command again' });
  return passphrase;
}

function firstLine(text: string): string {
  return /^[^\r\n]*/.exec(text)?.[0] ?? '';
}
