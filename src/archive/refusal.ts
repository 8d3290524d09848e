// What is wrong with an archive, by name. Whoever wrote it may be hostile: nothing of it is taken for text that can be printed as it is.
import { IronError } from '../platform/errors.ts';
import { printableLine } from '../platform/text.ts';

const SHOWN_CHARACTERS = 120;

export function refused(because: string, entry?: string): IronError {
  return new IronError('E_ARCHIVE', {
    message: 'the backup cannot be restored',
    because: entry === undefined ? because : `${quoted(entry)}: ${because}`,
    hint: 'nothing was changed; if the file was copied, copy it again, else it is not what ironcage wrote',
  });
}

function quoted(text: string): string {
  return JSON.stringify(printableLine(text.slice(0, SHOWN_CHARACTERS)));
}
