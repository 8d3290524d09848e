// Names as lenient file systems compare them: APFS and HFS+ without case and Unicode form, NTFS without trailing dots, spaces and
// streams. Folds more than any one of them, since it only ever makes two names equal that somebody has to look at.

/** Code points that HFS+ ignores in names (git's next_hfs_char). */
export const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** Names in which nothing is to be folded but capitals. */
const PLAIN = /^[!-9;-~]*[!-\-/-9;-~]$/;

export function foldName(name: string): string {
  if (PLAIN.test(name)) return name.toLowerCase();
  // Upper case first: it takes ſ, ß and ligatures apart, which lower case alone leaves as they are.
  const folded = name.replace(HFS_IGNORED, '').normalize('NFKC').toUpperCase().toLowerCase().normalize('NFC');
  return folded.replace(/:.*$/s, '').replace(/[. ]+$/, '') || folded;
}

export function foldPath(path: string): string {
  return path.split('/').map(foldName).join('/');
}
