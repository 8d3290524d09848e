// One line of a .gitignore, read and matched as git does it (dir.c, wildmatch.c), on bytes. The lines come from inside a cage:
// matching takes time proportional to pattern × path, never more, so that no pattern can stall the host.

export interface IgnorePattern {
  /** `!pattern`: takes back what an earlier line ignored. */
  negated: boolean;
  /** `pattern/`: counts only for directories. */
  directoryOnly: boolean;
  /** Holds a slash: matched against the path below the file's directory; otherwise against the name alone. */
  anchored: boolean;
  matches(path: string): boolean;
}

/** Longer lines are no pattern that anybody wrote; passing over them shows a file rather than hiding it. */
const MAX_PATTERN_BYTES = 2048;

/** Parses the text of an ignore file (one character per byte). */
export function parseIgnoreFile(text: string): IgnorePattern[] {
  const body = text.startsWith('\xef\xbb\xbf') ? text.slice(3) : text;
  return body.split('\n').flatMap((line) => {
    const pattern = parseIgnoreLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    return pattern === undefined ? [] : [pattern];
  });
}

function parseIgnoreLine(line: string): IgnorePattern | undefined {
  if (line.startsWith('#') || line.length > MAX_PATTERN_BYTES) return undefined;
  let glob = trimTrailingSpaces(line);
  const negated = glob.startsWith('!');
  if (negated) glob = glob.slice(1);
  const directoryOnly = glob.endsWith('/');
  if (directoryOnly) glob = glob.slice(0, -1);
  const anchored = glob.includes('/');
  if (glob.startsWith('/')) glob = glob.slice(1);
  if (glob === '') return undefined;
  return { negated, directoryOnly, anchored, matches: anchored ? compilePathGlob(glob) : compileGlob(glob) };
}

/** Spaces at the end go, unless a backslash guards them. */
function trimTrailingSpaces(line: string): string {
  let kept = 0;
  for (let index = 0; index < line.length; index++) {
    if (line[index] === '\\') index++;
    else if (line[index] === ' ') continue;
    kept = Math.min(index + 1, line.length);
  }
  return line.slice(0, kept);
}

type Token =
  | { kind: 'byte'; byte: string }
  | { kind: 'set'; has: (byte: string) => boolean }
  /** `*`: any bytes but slashes. */
  | { kind: 'star' }
  /** A leading or inner `**` with its slash: nothing, or whole directories. */
  | { kind: 'directories' }
  /** `**` before a slash that a backslash guards: any bytes, and then that slash. */
  | { kind: 'any' }
  /** A trailing `**`: everything. */
  | { kind: 'rest' };

/**
 * Git compares what stands before the first wildcard by itself and matches only the rest, so that `a**` + `/b` is read as if
 * its `**` stood at the beginning.
 */
function compilePathGlob(glob: string): (path: string) => boolean {
  const literal = /^[^*?[\\]*/.exec(glob)?.[0] ?? '';
  if (literal === '' || literal === glob) return compileGlob(glob);
  const matchesRest = compileGlob(glob.slice(literal.length));
  return (path) => path.startsWith(literal) && matchesRest(path.slice(literal.length));
}

/** Compiles a wildmatch glob; a malformed one matches nothing, as in git. */
export function compileGlob(glob: string): (path: string) => boolean {
  if (!/[*?[\\]/.test(glob)) return (path) => path === glob;
  const suffix = /^\*([^*?[\\/]+)$/.exec(glob)?.[1];
  if (suffix !== undefined) return (path) => path.endsWith(suffix) && !path.includes('/');
  const tokens = tokenize(glob);
  if (tokens === undefined) return () => false;
  // What stands behind the last wildcard rules most paths out at once; its slash may be that of a `**`, which needs none.
  const ending = /[^*?[\]\\]*$/.exec(glob)?.[0].replace(/^\//, '') ?? '';
  return (path) => path.endsWith(ending) && simulate(tokens, path);
}

function tokenize(glob: string): Token[] | undefined {
  const tokens: Token[] = [];
  for (let index = 0; index < glob.length;) {
    const character = glob.charAt(index);
    if (character === '*') {
      let end = index;
      while (glob[end] === '*') end++;
      // Git reads three stars and more as two.
      const bounded = end - index >= 2 && (index === 0 || glob[index - 1] === '/');
      if (bounded && end === glob.length) tokens.push({ kind: 'rest' });
      else if (bounded && glob[end] === '/') {
        tokens.push({ kind: 'directories' });
        end++;
      } else tokens.push({ kind: bounded && glob.startsWith('\\/', end) ? 'any' : 'star' });
      index = end;
    } else if (character === '?') {
      tokens.push({ kind: 'set', has: (byte) => byte !== '/' });
      index++;
    } else if (character === '[') {
      const set = parseSet(glob, index + 1);
      if (set === undefined) return undefined;
      tokens.push({ kind: 'set', has: (byte) => byte !== '/' && set.has(byte) });
      index = set.end;
    } else if (character === '\\') {
      if (index + 1 >= glob.length) return undefined;
      tokens.push({ kind: 'byte', byte: glob.charAt(index + 1) });
      index += 2;
    } else {
      tokens.push({ kind: 'byte', byte: character });
      index++;
    }
  }
  return tokens;
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[\x00-\x1f\x7f]/, // oxlint-disable-line no-control-regex -- the class is defined by control bytes
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\v\f\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** Reads `[…]` from behind its bracket; undefined when it never ends or names an unknown class. */
function parseSet(glob: string, start: number): { has: (byte: string) => boolean; end: number } | undefined {
  const tests: ((byte: string) => boolean)[] = [];
  let index = start;
  const negated = glob[index] === '!' || glob[index] === '^';
  if (negated) index++;
  for (let first = true, previous = ''; first || glob[index] !== ']'; first = false) {
    let character = glob[index];
    if (character === undefined) return undefined;
    if (character === '[' && glob[index + 1] === ':') {
      const end = glob.indexOf(']', index + 2);
      if (end < 0) return undefined;
      if (glob[end - 1] === ':' && end - 1 > index + 1) {
        const named = CLASSES[glob.slice(index + 2, end - 1)];
        if (named === undefined) return undefined;
        tests.push((byte) => named.test(byte));
        previous = '';
        index = end + 1;
        continue;
      }
    } else if (character === '-' && previous !== '' && glob[index + 1] !== undefined && glob[index + 1] !== ']') {
      index++;
      if (glob[index] === '\\') index++;
      const high = glob[index];
      if (high === undefined) return undefined;
      const low = previous;
      tests.push((byte) => byte >= low && byte <= high);
      previous = '';
      index++;
      continue;
    } else if (character === '\\') {
      index++;
      character = glob[index];
      if (character === undefined) return undefined;
    }
    const literal = character;
    tests.push((byte) => byte === literal);
    previous = literal;
    index++;
  }
  return { has: (byte) => tests.some((test) => test(byte)) !== negated, end: index + 1 };
}

/** Runs all ways through the pattern at once: one pass over the path. */
function simulate(tokens: readonly Token[], path: string): boolean {
  let current = new Uint8Array(tokens.length + 1);
  enter(tokens, current, 0);
  for (const byte of path) {
    const next = new Uint8Array(tokens.length + 1);
    let alive = false;
    for (const [index, token] of tokens.entries()) {
      if (current[index] !== 1) continue;
      switch (token.kind) {
        case 'byte':
          if (token.byte === byte) enter(tokens, next, index + 1);
          break;
        case 'set':
          if (token.has(byte)) enter(tokens, next, index + 1);
          break;
        case 'star':
          if (byte !== '/') enter(tokens, next, index);
          break;
        case 'directories':
          // Stays inside without leaving until a slash has been read.
          next[index] = 1;
          if (byte === '/') enter(tokens, next, index + 1);
          break;
        case 'any':
          enter(tokens, next, index);
          break;
        case 'rest':
          return true;
        default:
          token satisfies never;
      }
      alive = true;
    }
    if (!alive) return false;
    current = next;
  }
  return current[tokens.length] === 1 || (tokens.at(-1)?.kind === 'rest' && current[tokens.length - 1] === 1);
}

/** Marks a state and all that can be reached from it without reading a byte. */
function enter(tokens: readonly Token[], states: Uint8Array, index: number): void {
  for (let at = index; ; at++) {
    states[at] = 1;
    const kind = tokens[at]?.kind;
    if (kind !== 'star' && kind !== 'directories' && kind !== 'any') return;
  }
}
