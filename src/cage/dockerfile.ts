// What has to be known of a user's Dockerfile before an engine reads it: whether it stands on our image, and which others
// go into it. An agent may have written the file, so what cannot be told is refused. Pure: no I/O.
import { IronError } from '../platform/errors.ts';

interface DockerfileFacts {
  /** It says `FROM ${PARENT}`, and PARENT is ours to give. */
  usesParent: boolean;
  /** The other images that go into it, each once, in its order. */
  images: readonly string[];
}

const INSTRUCTION = /^\s*([A-Za-z]+)\s+(.*)$/s;
const IMAGE = /^[A-Za-z0-9][\w.\-/:@]{0,255}$/;
/** The engine's builder would run any other program that a file names here, and with more than its steps get. */
const FRONTEND = /^(?:docker\.io\/)?docker\/dockerfile:[\w.-]+$/;

/** Throws E_USAGE; `path` is for its message. */
export function readDockerfile(text: string, path: string): DockerfileFacts {
  refuseFrontend(text, path);
  const values = new Map<string, string>();
  const stages = new Set<string>();
  const images = new Set<string>();
  let usesParent = false;
  let count = 0;
  const add = (word: string): void => {
    if (stages.has(word.toLowerCase()) || /^\d+$/.test(word) || word === 'scratch') return;
    const image = expand(word, values);
    if (image === PARENT) usesParent = true;
    else if (image !== undefined && IMAGE.test(image)) {
      if (!stages.has(image.toLowerCase()) && image !== 'scratch') images.add(image);
    } else {
      throw refused(
        path,
        `it takes ${JSON.stringify(word.slice(0, 200))}, of which cannot be told which image that is`,
      );
    }
  };
  for (const [name, rest] of instructions(text)) {
    const flags = /^(?:--\S+\s+)*/.exec(rest)?.[0] ?? '';
    if (name === 'ARG' && count === 0) {
      for (const [, key = '', value] of rest.matchAll(/([A-Za-z_]\w*)(?:=("[^"]*"|'[^']*'|\S*))?/g)) {
        if (value !== undefined) values.set(key, value.replace(/^(["'])(.*)\1$/, '$2'));
      }
      // Ours to give, whatever its default: the build gets a value for it.
      if (/(?:^|\s)PARENT(?:=|\s|$)/.test(rest)) values.set('PARENT', PARENT);
    }
    if (name === 'FROM') {
      count += 1;
      const [word = '', as = '', stage = ''] = rest.slice(flags.length).trim().split(/\s+/);
      add(word.replace(/^(["'])(.*)\1$/, '$2'));
      if (as.toLowerCase() === 'as') stages.add(stage.toLowerCase());
    }
    if (name !== 'FROM' && count > 0) {
      for (const [, word = ''] of flags.matchAll(/(?:--|,|=)from=([^\s,]+)/g)) add(word);
    }
  }
  if (count === 0) throw refused(path, 'it has no FROM');
  return { usesParent, images: [...images] };
}

/** Stands for the value that the build will give; no reference can hold a space. */
const PARENT = 'our parent';

/** The instructions in capitals, continued lines joined. What stands in a here-document is read too: that only adds. */
function instructions(text: string): [string, string][] {
  const escape = /^#\s*escape\s*=\s*`/im.test(text) ? '`' : '\\';
  const joined: string[] = [];
  let open = false;
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    if (/^\s*#/.test(line) || (open && line.trim() === '')) continue;
    const continues = line.trimEnd().endsWith(escape);
    const part = continues ? `${line.trimEnd().slice(0, -1)} ` : line;
    if (open) joined.push(`${joined.pop() ?? ''}${part}`);
    else joined.push(part);
    open = continues;
  }
  return joined.flatMap((line): [string, string][] => {
    const [, name = '', rest = ''] = INSTRUCTION.exec(line) ?? [];
    return name === '' ? [] : [[name.toUpperCase(), rest]];
  });
}

/** `$NAME`, `${NAME}` and `${NAME:-word}` with the values of the file's first ARGs. Undefined for what stays open. */
function expand(word: string, values: ReadonlyMap<string, string>): string | undefined {
  let open = false;
  const text = word.replace(/\$(?:\{(\w+)(?::?-([^}$]*))?\}|(\w+))/g, (_, braced = '', fallback, bare = '') => {
    const value = values.get(String(braced || bare)) ?? (typeof fallback === 'string' ? fallback : undefined);
    if (value === undefined) open = true;
    return value ?? '';
  });
  return open || text.includes('$') ? undefined : text;
}

function refuseFrontend(text: string, path: string): void {
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const found = /^\s*(?:#|\/\/)\s*syntax\s*=\s*(.*?)\s*$/i.exec(line)?.[1];
    if (found !== undefined && !FRONTEND.test(found)) {
      throw refused(path, `it wants to be read by another program than the engine’s: ${JSON.stringify(found)}`);
    }
  }
}

function refused(path: string, because: string): IronError {
  return new IronError('E_USAGE', {
    message: `${path} cannot be built`,
    because,
    hint: 'write images out, with defaults for their ARGs; `ARG PARENT` and `FROM ${PARENT}` stand on ironcage’s own',
  });
}
