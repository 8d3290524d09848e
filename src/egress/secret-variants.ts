// The spellings that a secret's value may come back in. Each is one exact byte pattern that is looked for in responses.

/** Shorter patterns would hit ordinary text. */
const MIN_PATTERN_BYTES = 6;

/** All byte patterns of a value, longest first, each once. */
export function secretVariants(value: string): Buffer[] {
  const bytes = Buffer.from(value, 'utf8');
  const json = JSON.stringify(value).slice(1, -1);
  const percent = encodeURIComponent(value);
  const hex = bytes.toString('hex');
  const texts = [
    value,
    json,
    json.replaceAll('/', '\\/'),
    json.replace(/[<>&'/+=]/g, unicodeEscape),
    percent,
    percent.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    percent.replaceAll('%20', '+'),
    hex.replace(/../g, '%$&'),
    hex.toUpperCase().replace(/../g, '%$&'),
    hex,
    hex.toUpperCase(),
    ...HTML_ESCAPES.map((escapes) => value.replace(/[&<>"']/g, (character) => escapes[character] ?? character)),
    ...base64Alignments(bytes),
    ...base32Alignments(bytes).flatMap((alignment) => [alignment, alignment.toLowerCase()]),
  ];
  const patterns = new Map<string, Buffer>();
  const add = (pattern: Buffer) => {
    if (pattern.length >= MIN_PATTERN_BYTES) patterns.set(pattern.toString('latin1'), pattern);
  };
  for (const text of texts) add(Buffer.from(text, 'utf8'));
  add(Buffer.from(value, 'utf16le'));
  add(Buffer.from(value, 'utf16le').swap16());
  return [...patterns.values()].sort((left, right) => right.length - left.length);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** As the usual libraries write them: by name, in decimal, in hexadecimal, and the usual mixtures. */
const HTML_ESCAPES: readonly Readonly<Record<string, string>>[] = [
  { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
  { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' },
  { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' },
  { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' },
  { '&': '&#38;', '<': '&#60;', '>': '&#62;', '"': '&#34;', "'": '&#39;' },
  { '&': '&#x26;', '<': '&#x3c;', '>': '&#x3e;', '"': '&#x22;', "'": '&#x27;' },
];

/** The characters that depend on the value alone, for each of the three places where it may begin in a triple. */
export function base64Alignments(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const start = Math.ceil((offset * 8) / 6);
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    const text = encoded.slice(start, end);
    return [text, text.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The characters that depend on the bytes alone, for each of the five places where they may begin in a group. */
export function base32Alignments(bytes: Buffer): string[] {
  return [0, 1, 2, 3, 4].map((offset) => {
    const start = Math.ceil((offset * 8) / 5);
    const end = Math.floor(((offset + bytes.length) * 8) / 5);
    return base32(Buffer.concat([Buffer.alloc(offset), bytes])).slice(start, end);
  });
}

function base32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(value >> bits) & 31] ?? '';
    }
  }
  return bits === 0 ? text : text + (BASE32[(value << (5 - bits)) & 31] ?? '');
}
