// One spelling per path: what is matched is what is sent. A target that a server might read in two ways is refused
// (dot segments in disguise, empty segments, double encoding, broken UTF-8); `%2F` stays an opaque part of its segment.

export type CanonicalTarget = { ok: true; path: string; query: string } | { ok: false; reason: string };
export type CanonicalPath = { ok: true; path: string } | { ok: false; reason: string };

type Segment = { ok: true; text: string } | { ok: false; reason: string };

/** RFC 3986 pchar without `*`, which is the wildcard of rules and therefore always escaped in a path. */
const PLAIN_SEGMENT = /^[A-Za-z0-9\-._~!$&'()+,;=:@]*$/;
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

/** Canonical path and query of an origin-form request target. */
export function canonicalTarget(rawTarget: string): CanonicalTarget {
  if (!rawTarget.startsWith('/')) return refusal('the request target does not begin with "/"');
  if (/[^\x21-\x7e]/.test(rawTarget)) return refusal('the request target holds characters outside printable ASCII');
  if (rawTarget.includes('\\')) return refusal('the request target holds a backslash');
  if (rawTarget.includes('#')) return refusal('the request target holds a fragment');
  const cut = rawTarget.indexOf('?');
  const query = cut < 0 ? '' : rawTarget.slice(cut + 1);
  if (BAD_ESCAPE.test(query)) return refusal('the query holds a broken percent escape');
  if (query.includes('%00')) return refusal('the query holds an encoded NUL');
  const path = canonicalPath(cut < 0 ? rawTarget : rawTarget.slice(0, cut), false);
  return path.ok ? { ok: true, path: path.path, query } : path;
}

/** The same for the path of a rule, where `*` and `**` keep their meaning. */
export function canonicalGlob(text: string): CanonicalPath {
  if (!text.startsWith('/')) return refusal('the path does not begin with "/"');
  if (/[^\x21-\x7e]/.test(text))
    return refusal('the path holds characters outside printable ASCII; percent-encode them');
  if (/[\\#?]/.test(text)) return refusal('the path holds a backslash, "#" or "?"');
  const path = canonicalPath(text, true);
  if (!path.ok) return path;
  if (path.path.split('/').some((segment) => segment.includes('**') && segment !== '**')) {
    return refusal('"**" must be a whole segment of the path');
  }
  return path;
}

/**
 * Whether a canonical path fits a canonical glob: `*` is any text within one segment (alone: not empty), `**` is any
 * number of whole segments, also none. Time is bounded by glob segments times path length; nothing backtracks.
 */
export function matchesPath(glob: string, path: string): boolean {
  if (!glob.includes('*')) return glob === path;
  if (!glob.startsWith('/') || !path.startsWith('/')) return false;
  const segments = path.slice(1).split('/');
  // reachable[n]: the patterns so far can stand for exactly the first n segments.
  let reachable = [true, ...segments.map(() => false)];
  for (const pattern of glob.slice(1).split('/')) {
    if (pattern === '**') {
      const first = reachable.indexOf(true);
      reachable = reachable.map((_, index) => first >= 0 && index >= first);
    } else {
      const before = reachable;
      reachable = [false, ...segments.map((text, index) => before[index] === true && matchesSegment(pattern, text))];
    }
  }
  return reachable[segments.length] === true;
}

/** The reading of a lenient server, `%2F` and every other printable escape decoded: deny rules look at it too. */
export function lenientPath(path: string): string {
  return path.replace(/%([2-7][0-9A-F])/g, (escape, hex: string) =>
    hex === '7F' ? escape : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function matchesSegment(pattern: string, text: string): boolean {
  if (pattern === '*') return text !== '';
  if (pattern.includes('**')) throw new Error('a path glob holds "**" inside a segment');
  const pieces = pattern.split('*');
  const first = pieces.shift() ?? '';
  const last = pieces.pop();
  if (last === undefined) return first === text;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let position = first.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, position);
    if (found < 0 || found + piece.length > end) return false;
    position = found + piece.length;
  }
  return true;
}

function canonicalPath(raw: string, keepStars: boolean): CanonicalPath {
  const rawSegments = raw.slice(1).split('/');
  const kept: string[] = [];
  for (const [index, rawSegment] of rawSegments.entries()) {
    const isLast = index === rawSegments.length - 1;
    if (rawSegment === '' && !isLast) return refusal('the path holds an empty segment ("//")');
    const segment = PLAIN_SEGMENT.test(rawSegment)
      ? { ok: true as const, text: rawSegment }
      : decode(rawSegment, keepStars);
    if (!segment.ok) return segment;
    const isDots = segment.text === '.' || segment.text === '..';
    if (isDots && rawSegment !== segment.text) return refusal('the path holds a percent-encoded dot segment');
    // Some servers cut `;parameters` off before they resolve dot segments.
    if (/^\.{1,2};/.test(segment.text)) return refusal('the path holds a dot segment with parameters');
    if (segment.text === '..' && kept.pop() === undefined) return refusal('the path climbs above its root');
    if (!isDots) kept.push(segment.text);
    else if (isLast) kept.push('');
  }
  return { ok: true, path: `/${kept.join('/')}` };
}

function decode(raw: string, keepStars: boolean): Segment {
  if (BAD_ESCAPE.test(raw)) return refusal('the path holds a broken percent escape');
  const text = raw.replace(/%[0-9A-Fa-f]{2}|[^%]/g, (part) => {
    if (part === '*' && keepStars) return part;
    if (part.length === 1) return PLAIN_SEGMENT.test(part) ? part : percentEncode(part);
    const character = String.fromCharCode(Number.parseInt(part.slice(1), 16));
    return UNRESERVED.test(character) ? character : part.toUpperCase();
  });
  if (/%(?:[01][0-9A-F]|7F)/.test(text)) return refusal('the path holds an encoded control character');
  if (text.includes('%5C')) return refusal('the path holds an encoded backslash');
  if (/%25[0-9A-Fa-f]{2}/.test(text)) return refusal('the path is percent-encoded twice');
  if (text.includes('%2F') && text.split('%2F').some((part) => part === '' || /^\.{1,2}(?:;|$)/.test(part))) {
    return refusal('the path hides an empty or a dot segment behind an encoded slash');
  }
  try {
    // Throws on overlong forms, surrogates and cut sequences.
    decodeURIComponent(text);
  } catch {
    return refusal('the path is not valid UTF-8 once decoded');
  }
  return { ok: true, text };
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function refusal(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}
