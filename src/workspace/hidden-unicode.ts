// Characters that make text read otherwise than it runs: direction overrides, invisible letters, tag characters. Counted, so
// that a change can be judged by what it adds. Joiners inside emoji and a leading byte order mark are ordinary text.

/** First and last code point of each run of hidden characters. */
const HIDDEN: readonly (readonly [number, number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0d],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe007f],
  [0xe0100, 0xe01ef],
];

/** Any character that could be hidden: most text has none, and is done after one search. */
const CANDIDATE = /[^\0-\xac\xae-\u034e]/u;
const JOINED = /(?<=\p{Extended_Pictographic}|\ufe0f|\p{Emoji_Modifier})\u200d(?=\p{Extended_Pictographic})/gu;
/** A flag of a region is a black flag and a run of tags that ends with a cancel tag. */
const FLAG = /\u{1f3f4}[\u{e0020}-\u{e007e}]{2,6}\u{e007f}/gu;

/** How many hidden characters the text holds. */
export function countHidden(text: string): number {
  if (!CANDIDATE.test(text)) return 0;
  let count = 0;
  for (const character of text
    .replace(/^\ufeff/, '')
    .replace(FLAG, '')
    .replace(JOINED, '')) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xad && HIDDEN.some(([first, last]) => code >= first && code <= last)) count++;
  }
  return count;
}
