// Does a body look like what it says it is? Judged by its first bytes and by samples: signatures of formats, binary in what
// calls itself text, noise where none is expected, and long encoded runs. A hint, never a proof.

export interface BodySample {
  /** Media type without parameters, lower case; empty when none was declared. */
  mediaType: string;
  /** The first bytes. */
  head: Uint8Array;
  /** How often each byte value was seen among the sampled ones. */
  histogram: Uint32Array;
  sampledBytes: number;
  longestBlobBytes: number;
}

/** Noise of fewer bytes cannot be told from text. */
const MIN_ENTROPY_SAMPLE = 1024;
/** Bits per byte. Compressed and encrypted bytes have 7.8 and more in such a sample, programs about 6, text below 5. */
const MAX_ENTROPY = 7.5;
/** Model vendors' images are longer; that is why it is flagged and not refused unless a policy says so. */
const LONG_BLOB_BYTES = 16 * 1024;

const SIGNATURES: readonly (readonly [bytes: readonly number[], types: readonly string[], name: string])[] = [
  [[0x89, 0x50, 0x4e, 0x47], ['image/png'], 'a PNG image'],
  [[0xff, 0xd8, 0xff], ['image/jpeg', 'image/jpg'], 'a JPEG image'],
  [[0x47, 0x49, 0x46, 0x38], ['image/gif'], 'a GIF image'],
  [[0x25, 0x50, 0x44, 0x46, 0x2d], ['application/pdf'], 'a PDF document'],
  [[0x50, 0x4b, 0x03, 0x04], ['application/zip'], 'a ZIP archive'],
  [
    [0x1f, 0x8b, 0x08],
    ['application/gzip', 'application/x-gzip', 'application/x-tar', 'application/tar+gzip'],
    'gzip data',
  ],
  [[0x28, 0xb5, 0x2f, 0xfd], ['application/zstd'], 'Zstandard data'],
  [[0x42, 0x5a, 0x68], ['application/x-bzip2'], 'bzip2 data'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], ['application/x-xz'], 'xz data'],
  [[0x37, 0x7a, 0xbc, 0xaf], ['application/x-7z-compressed'], 'a 7z archive'],
  [[0x7f, 0x45, 0x4c, 0x46], [], 'a program'],
  [[0x53, 0x51, 0x4c, 0x69, 0x74, 0x65], ['application/vnd.sqlite3', 'application/x-sqlite3'], 'a SQLite database'],
];
const FIRST_BYTES: ReadonlySet<number> = new Set(SIGNATURES.map(([[first = 0]]) => first));
const TYPED_BY_SIGNATURE: ReadonlySet<string> = new Set(
  SIGNATURES.flatMap(([, types]) => types.filter((type) => type !== 'application/x-tar')),
);

/** What is odd about the body, each a short phrase; empty when nothing is. */
export function oddities(sample: BodySample): string[] {
  const found: string[] = [];
  const { mediaType, head } = sample;
  const signature = !FIRST_BYTES.has(head[0] ?? 0)
    ? undefined
    : SIGNATURES.find(([bytes]) => bytes.every((byte, index) => head[index] === byte));
  const isText = isTextType(mediaType);
  if (signature !== undefined && !signature[1].includes(mediaType) && (isText || TYPED_BY_SIGNATURE.has(mediaType))) {
    found.push(`it is ${signature[2]} and says that it is ${isText ? 'text' : 'something else'}`);
  } else if (signature === undefined && TYPED_BY_SIGNATURE.has(mediaType) && head.length >= 8) {
    found.push('it is not of the format that it declares');
  } else if (isText && isBinary(head)) {
    found.push('it says that it is text and holds binary data');
  }
  if (expectsNoNoise(mediaType) && sample.sampledBytes >= MIN_ENTROPY_SAMPLE && entropyOf(sample) > MAX_ENTROPY) {
    found.push('it looks encrypted or compressed');
  }
  if (sample.longestBlobBytes >= LONG_BLOB_BYTES) found.push('it holds a long run of encoded data');
  return found;
}

/** Bits per byte of what was sampled. */
function entropyOf({ histogram, sampledBytes }: Pick<BodySample, 'histogram' | 'sampledBytes'>): number {
  let bits = 0;
  for (const count of histogram) {
    if (count > 0) bits -= (count / sampledBytes) * Math.log2(count / sampledBytes);
  }
  return bits;
}

function isTextType(mediaType: string): boolean {
  return (
    mediaType === 'application/json' ||
    mediaType.startsWith('text/') ||
    /^application\/(?:.+\+)?(?:json|xml|javascript|x-www-form-urlencoded|graphql|yaml|toml|x-ndjson|sql)$/.test(
      mediaType,
    )
  );
}

/** Images, archives and multipart forms are noise by nature; what declares nothing is not. */
function expectsNoNoise(mediaType: string): boolean {
  return mediaType === '' || isTextType(mediaType);
}

function isBinary(head: Uint8Array): boolean {
  let controls = 0;
  for (const byte of head) {
    if (byte === 0) return true;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c && byte !== 0x1b) controls += 1;
  }
  return controls * 20 > head.length;
}
