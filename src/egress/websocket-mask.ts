// The mask of RFC 6455, section 5.3, four bytes at a time: it is laid over every byte that a cage sends, twice.

/** Lays the four bytes at `keyAt` of `key` over all of `bytes`, in place; done twice, it undoes itself. */
export function applyMask(bytes: Buffer, key: Uint8Array, keyAt: number): void {
  const { length, byteOffset } = bytes;
  // Words must be aligned in the memory behind the bytes: the mask begins as many bytes later as stand before that.
  const before = Math.min(length, -byteOffset & 3);
  for (let index = 0; index < before; index += 1) maskByte(bytes, index, key, keyAt);
  const wordCount = (length - before) >>> 2;
  if (wordCount > 0) {
    KEY_BYTES[0] = key[keyAt + (before & 3)] ?? 0;
    KEY_BYTES[1] = key[keyAt + ((before + 1) & 3)] ?? 0;
    KEY_BYTES[2] = key[keyAt + ((before + 2) & 3)] ?? 0;
    KEY_BYTES[3] = key[keyAt + ((before + 3) & 3)] ?? 0;
    const words = new Int32Array(bytes.buffer, byteOffset + before, wordCount);
    maskWords(words, KEY_WORD[0] ?? 0);
  }
  for (let index = before + wordCount * 4; index < length; index += 1) maskByte(bytes, index, key, keyAt);
}

/** The key as the machine would read it as a word, whatever its byte order. */
const KEY_WORD = new Int32Array(1);
const KEY_BYTES = new Uint8Array(KEY_WORD.buffer);

/** Four at a time: nearly twice as fast as one by one. */
function maskWords(words: Int32Array, key: number): void {
  const { length } = words;
  const end = length - (length & 3);
  for (let index = 0; index < end; index += 4) {
    words[index] = (words[index] ?? 0) ^ key;
    words[index + 1] = (words[index + 1] ?? 0) ^ key;
    words[index + 2] = (words[index + 2] ?? 0) ^ key;
    words[index + 3] = (words[index + 3] ?? 0) ^ key;
  }
  for (let index = end; index < length; index += 1) words[index] = (words[index] ?? 0) ^ key;
}

function maskByte(bytes: Buffer, index: number, key: Uint8Array, keyAt: number): void {
  bytes[index] = (bytes[index] ?? 0) ^ (key[keyAt + (index & 3)] ?? 0);
}
