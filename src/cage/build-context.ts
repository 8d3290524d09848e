// The directory that a user's Dockerfile is built from, copied before the build: what is hashed is what the engine gets. An
// agent may have written what lies there, so links are taken as links and never followed, and what is no file is no input.
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorMessage, IronError } from '../platform/errors.ts';
import { parseIgnorePatterns, type IgnorePatterns } from './ignore-patterns.ts';

const MOST_BYTES = 512 * 2 ** 20;
const MOST_ENTRIES = 100_000;
const MOST_TEXT_BYTES = 2 ** 20;

/** The text of the Dockerfile itself. Throws E_USAGE when it is a link, no file, or too large to be one. */
export function readDockerfileText(path: string): string {
  const text = readText(path);
  if (text !== undefined) return text;
  throw new IronError('E_USAGE', {
    message: `there is no file ${path} for --dockerfile`,
    hint: 'name a Dockerfile; its directory is what it may copy from',
  });
}

/** Copies the directory around a Dockerfile into an empty one. Throws E_USAGE when it is too large. */
export function copyContext(dockerfile: string, target: string): void {
  const source = dirname(dockerfile);
  // As the engines look for it: the file's own first.
  const ignore = [`${dockerfile}.dockerignore`, join(source, '.dockerignore')].flatMap((path) => readText(path) ?? []);
  const copy = { source, target, patterns: parseIgnorePatterns(ignore[0] ?? ''), bytes: 0, entries: 0 };
  copyDirectory(copy, '');
}

interface Copy {
  source: string;
  target: string;
  patterns: IgnorePatterns;
  bytes: number;
  entries: number;
}

function copyDirectory(copy: Copy, directory: string): void {
  for (const entry of readdirSync(join(copy.source, directory), { withFileTypes: true })) {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
    const isExcluded = copy.patterns.excludes(path);
    if (isExcluded && !(entry.isDirectory() && copy.patterns.hasExceptions)) continue;
    count(copy, 0);
    const target = join(copy.target, path);
    if (entry.isDirectory()) {
      // Below an excluded one, what is taken back makes the directories that it needs.
      if (!isExcluded) makeDirectory(target);
      copyDirectory(copy, path);
    } else if (entry.isSymbolicLink()) {
      makeDirectory(dirname(target));
      symlinkSync(readlinkSync(join(copy.source, path)), target);
    } else if (entry.isFile()) {
      makeDirectory(dirname(target));
      copyFile(copy, join(copy.source, path), target);
    }
  }
}

/** One set of modes, so that the hash knows all of them. */
function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755);
}

function copyFile(copy: Copy, source: string, target: string): void {
  const { bytes, executable } = open(source, (descriptor) => {
    const { size, mode } = fstatSync(descriptor);
    count(copy, size);
    return { bytes: readFileSync(descriptor), executable: (mode & 0o111) !== 0 };
  });
  writeFileSync(target, bytes, { flag: 'wx' });
  chmodSync(target, executable ? 0o755 : 0o644);
}

function count(copy: Copy, bytes: number): void {
  copy.bytes += bytes;
  copy.entries += 1;
  const what =
    copy.bytes > MOST_BYTES
      ? `more than ${MOST_BYTES / 2 ** 20} MB`
      : copy.entries > MOST_ENTRIES
        ? `more than ${MOST_ENTRIES} files`
        : undefined;
  if (what === undefined) return;
  throw new IronError('E_USAGE', {
    message: `the directory around the Dockerfile is too large to build from: ${copy.source}`,
    because: `it holds ${what}, of which a build gets a copy`,
    hint: 'name what the build does not need in a .dockerignore there, or move the Dockerfile into a directory of its own',
  });
}

/** Undefined when nothing is there. */
function readText(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const bytes = open(path, (descriptor) => {
    const facts = fstatSync(descriptor);
    if (facts.isFile() && facts.size <= MOST_TEXT_BYTES) return readFileSync(descriptor);
    throw unreadable(path, facts.isFile() ? 'it is larger than 1 MB' : 'it is no file');
  });
  return bytes.toString('utf8');
}

/** Of a file that may have become a link or a pipe since it was looked at. */
function open<T>(path: string, use: (descriptor: number) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const isLink = error instanceof Error && 'code' in error && error.code === 'ELOOP';
    throw unreadable(path, isLink ? 'it is a link, and links are not followed' : errorMessage(error));
  }
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(path: string, because: string): IronError {
  return new IronError('E_USAGE', {
    message: `${basename(path)} cannot be read for a build: ${path}`,
    because,
    hint: 'build from regular files that you can read, or name it in the .dockerignore',
  });
}
