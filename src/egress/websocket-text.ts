// Whether the pieces of a text are UTF-8, wherever they were cut. Keeps the beginning of one character at most.
import { isUtf8 } from 'node:buffer';

export class Utf8Check {
  #held: Buffer | undefined;

  /** Whether the text can still be UTF-8 with these bytes; with the last ones, whether it is. */
  accepts(bytes: Buffer, isLast: boolean): boolean {
    const text = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    if (isLast) return isUtf8(text);
    const cut = text.length - openBytes(text);
    this.#held = cut === text.length ? undefined : Buffer.from(text.subarray(cut));
    return isUtf8(cut === text.length ? text : text.subarray(0, cut));
  }
}

/** How many bytes at the end begin a character that wants more of them. */
function openBytes(text: Buffer): number {
  for (let back = 1; back <= 3 && back <= text.length; back += 1) {
    const byte = text[text.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? back : 0;
  }
  return 0;
}
