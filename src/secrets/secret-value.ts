// A secret in memory that cannot be printed by accident. `reveal` is called by the cage room's hand-over to the egress and
// by nobody else.
import { IronError } from '../platform/errors.ts';

const MAX_VALUE_BYTES = 64 * 1024;
/** Shorter values occur in ordinary traffic by chance: redaction would destroy it and leak checks would be noise. */
const MIN_VALUE_CHARACTERS = 8;

export class SecretValue {
  readonly name: string;
  readonly #text: string;

  constructor(name: string, text: string) {
    this.name = name;
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return `[secret ${this.name}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** A value from outside (prompt, stdin, environment, file); throws E_USAGE, without the text, when it cannot be one. */
export function createSecretValue(name: string, text: string): SecretValue {
  const fault = findFault(text);
  if (fault === undefined) return new SecretValue(name, text);
  throw new IronError('E_USAGE', {
    message: `the value for ${name} ${fault}`,
    hint: 'give the value alone, as one line; a trailing newline is cut off by the command',
  });
}

function findFault(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (/[\0\r\n]/.test(text)) return 'holds a line break or a NUL';
  if (text.length < MIN_VALUE_CHARACTERS) return `is shorter than ${MIN_VALUE_CHARACTERS} characters`;
  if (Buffer.byteLength(text) > MAX_VALUE_BYTES) return `is longer than ${MAX_VALUE_BYTES / 1024} KiB`;
  return undefined;
}
