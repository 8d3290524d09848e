// Files of environment variables: those that the command names, and those that every new cage gets, the user's own first and
// over it the project's. They only reach what runs inside; no value of theirs is ever printed.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { errorMessage, IronError, systemErrorCode } from '../platform/errors.ts';
import type { Context } from './context.ts';

const HINT = 'write one NAME=value to a line';

/**
 * Lines NAME=value with quotes and comments as Node reads them; undefined when there is no such file. Throws E_USAGE. `isForeign`:
 * somebody else wrote it. A link there could lead to the user's own credentials, and they would enter the cage.
 */
export function readEnvFile(file: string, isForeign = false): Record<string, string> | undefined {
  let text: string;
  try {
    text = isForeign ? readOwn(file) : readFileSync(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new IronError('E_USAGE', {
      message: `a file of variables cannot be read: ${errorMessage(error)}`,
      hint: 'name a file with lines NAME=value',
    });
  }
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseEnv(text))) {
    if (value !== undefined) variables[checkVariable(name, file)] = value;
  }
  return variables;
}

const MOST_BYTES = 256 * 1024;

/** A file that is no link, no pipe and of some size at most. */
function readOwn(file: string): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MOST_BYTES) throw new Error(`${file} is no file of ${MOST_BYTES} bytes at most`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

export function checkVariable(name: string, where: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw new IronError('E_USAGE', {
    message: `${JSON.stringify(where)} does not name an environment variable`,
    hint: HINT,
  });
}

/** What every new cage of a project gets, and which files it is from. */
export function defaultEnvironment(
  { configFile }: Pick<Context, 'configFile'>,
  project: string,
): { env: Record<string, string>; files: readonly { path: string; names: readonly string[] }[] } {
  const sources = [
    { path: join(dirname(configFile), 'env'), isForeign: false },
    { path: join(project, '.cage.env'), isForeign: true },
  ];
  const files = sources.flatMap(({ path, isForeign }) => {
    const variables = readEnvFile(path, isForeign);
    return variables === undefined ? [] : [{ path, variables }];
  });
  return {
    env: Object.assign({}, ...files.map(({ variables }) => variables)),
    files: files.map(({ path, variables }) => ({ path, names: Object.keys(variables) })),
  };
}
