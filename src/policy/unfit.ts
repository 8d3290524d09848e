// A refusal on its way out of the parser of rules; who parses turns it into an answer. Everything else that is thrown is a bug.

export class Unfit extends Error {
  /** What to write instead, one sentence, or empty. */
  readonly suggestion: string;
  /** The word of the rule that is to blame, `max-body`; undefined: its target, or the whole. */
  readonly word: string | undefined;

  constructor(message: string, suggestion: string, word?: string) {
    super(message);
    this.suggestion = suggestion;
    this.word = word;
  }
}
