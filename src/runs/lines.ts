// Lines out of pieces of bytes from inside a cage. One that does not end is given up at a bound, and what was seen of it is told.
import { StringDecoder } from 'node:string_decoder';

/** What one line may have: a tool may have told ten megabytes in one. */
const MAX_LINE_BYTES = 24 * 2 ** 20;
/** Kept of a line that has more. */
const KEPT_BYTES = 65_536;

export type Line =
  | { text: string; tooLong?: never }
  /** Bytes of the whole line; `text` is how it begins. */
  | { text: string; tooLong: number };

export interface LineSplitter {
  /** The lines that end in this piece. */
  push(piece: Buffer): Line[];
  /** What stands behind the last end of a line. */
  rest(): Line[];
}

export function splitLines(maxBytes = MAX_LINE_BYTES): LineSplitter {
  let parts: Buffer[] = [];
  let length = 0;
  const keep = (piece: Buffer): void => {
    if (piece.length === 0) return;
    if (length <= maxBytes) parts.push(Buffer.from(piece));
    length += piece.length;
    // Of what will not be read as a whole only the beginning is held.
    if (length > maxBytes && parts.length > 0) parts = [Buffer.from(Buffer.concat(parts).subarray(0, KEPT_BYTES))];
  };
  const finish = (): Line => {
    const bytes = Buffer.concat(parts);
    const line: Line =
      length > maxBytes ? { text: beginning(bytes), tooLong: length } : { text: bytes.toString('utf8') };
    parts = [];
    length = 0;
    return line;
  };
  return {
    push(piece) {
      const lines: Line[] = [];
      let from = 0;
      for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
        keep(piece.subarray(from, end));
        lines.push(finish());
        from = end + 1;
      }
      keep(piece.subarray(from));
      return lines;
    },
    rest: () => (length === 0 ? [] : [finish()]),
  };
}

/** Without the half of a character at its end. */
function beginning(bytes: Buffer): string {
  return new StringDecoder('utf8').write(bytes);
}
