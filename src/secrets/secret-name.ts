// The one grammar of secret names: that of environment variables in capitals. A name is printed, logged and used as a key;
// nothing else may be.
import { IronError } from '../platform/errors.ts';

const NAME = /^[A-Z][A-Z0-9_]{0,63}$/;

/** Returns `text` when it is a name, else throws E_USAGE. The text is not quoted: it may be a value in the wrong place. */
export function parseSecretName(text: string): string {
  if (NAME.test(text)) return text;
  throw new IronError('E_USAGE', {
    message: 'that is not a name of a secret',
    hint: 'a name is 1 to 64 capital letters, digits and underscores and begins with a letter: GITHUB_TOKEN',
  });
}
