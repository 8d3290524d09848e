// What a .dockerignore leaves out of a build. Its rules are the engines': the last line that matches decides, a directory's
// verdict holds for what lies in it, `!` takes back. Pure: no I/O.

export interface IgnorePatterns {
  /** Of a path relative to the context, with slashes. */
  excludes(path: string): boolean;
  /** Something may be taken back: what is excluded has to be walked through nevertheless. */
  hasExceptions: boolean;
}

/** Throws nothing: a line that is no pattern matches itself. */
export function parseIgnorePatterns(text: string): IgnorePatterns {
  const patterns = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim())
    .map((line) => ({ exception: line.startsWith('!'), pattern: clean(line.replace(/^!\s*/, '')) }))
    .filter(({ pattern }) => pattern !== '')
    .map(({ exception, pattern }) => ({ exception, expression: compile(pattern) }));
  return {
    excludes(path) {
      const parts = path.split('/');
      const paths = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
      let excluded = false;
      for (const { exception, expression } of patterns) {
        if (excluded === exception && paths.some((each) => expression.test(each))) excluded = !exception;
      }
      return excluded;
    },
    hasExceptions: patterns.some(({ exception }) => exception),
  };
}

/** Without what says nothing: `./`, `//`, slashes at the ends, and `..` as far as it leads. */
function clean(pattern: string): string {
  const parts: string[] = [];
  for (const part of pattern.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function compile(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at] ?? '';
    const set = char === '[' ? /^\[\^?[^\]]+\]/.exec(pattern.slice(at))?.[0] : undefined;
    if (pattern.startsWith('**/', at)) {
      source += '(?:.*/)?';
      at += 2;
    } else if (pattern.startsWith('**', at)) {
      source += '.*';
      at += 1;
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (set !== undefined) {
      source += set.replace(/[\\[]/g, (sign, index) => (index === 0 ? sign : `\\${sign}`));
      at += set.length - 1;
    } else if (char === '\\' && at + 1 < pattern.length) {
      at += 1;
      source += literal(pattern[at] ?? '');
    } else source += literal(char);
  }
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    // A range that runs backwards: no pattern.
    return new RegExp(`^${literal(pattern)}$`, 's');
  }
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
