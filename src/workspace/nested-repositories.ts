// Repositories within a project: directories with a `.git`, and those that its index calls submodules, whether they are there or not. Git
// on the host runs what their settings say, so that a mounting cage may write none of them.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { isInside } from '../platform/files.ts';
import { bytePath, splitRecords, toText, type BytePath } from './byte-path.ts';
import { git } from './git.ts';
import type { Project, Repository } from './project.ts';

const MAX_DIRECTORIES = 200_000;

/** Written by package managers, which leave no repositories there. */
const NOT_SEARCHED = new Set(['.git', 'node_modules', 'site-packages', '__pycache__']);

/** Relative paths of directories with a `.git`, and of those that the index says are submodules. */
export async function findNested(project: Project): Promise<string[]> {
  const found = new Set(project.git === undefined ? [] : await submodules(project.git));
  const pending: BytePath[] = [''];
  let seen = 0;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    seen += 1;
    if (seen > MAX_DIRECTORIES) {
      const because = `it has more than ${MAX_DIRECTORIES} directories to look for repositories in`;
      throw unguarded(project.root, because, 'mount a part of it, or use --workspace copy');
    }
    const entries = entriesOf(project.root, path);
    if (path !== '' && entries.some(({ name }) => name === '.git')) {
      found.add(asPath(project.root, path));
      continue;
    }
    for (const { name, isDirectory } of entries) {
      if (isDirectory && name !== '.git' && !NOT_SEARCHED.has(name))
        pending.push(path === '' ? name : `${path}/${name}`);
    }
  }
  // What lies in one of them is read-only with it.
  return [...found].filter((path) => ![...found].some((other) => other !== path && isInside(path, other)));
}

function entriesOf(root: string, path: BytePath): { name: BytePath; isDirectory: boolean }[] {
  try {
    const at = Buffer.concat([Buffer.from(root), Buffer.from(`/${path}`, 'latin1')]);
    const entries = readdirSync(at, { withFileTypes: true, encoding: 'buffer' });
    return entries.map((entry) => ({ name: bytePath(entry.name), isDirectory: entry.isDirectory() }));
  } catch (error) {
    // Unreadable for us is unreadable for the cage.
    if (['EACCES', 'ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  }
}

async function submodules(repository: Repository): Promise<string[]> {
  const indexFile = join(repository.gitDir, 'index');
  const { stdout } = await git(['ls-files', '-s', '-z'], { gitDir: repository.gitDir, indexFile });
  const links = splitRecords(stdout).filter((entry) => entry.startsWith('160000 '));
  return links.map((entry) => asPath('the project', entry.slice(entry.indexOf('\t') + 1)));
}

function asPath(root: string, path: BytePath): string {
  const text = toText(path);
  if (!text.includes('\u{fffd}')) return text;
  throw unguarded(root, `a repository within it has a name that is no UTF-8: ${text}`, 'use --workspace copy');
}

export function unguarded(root: string, because: string, hint: string): IronError {
  return new IronError('E_PROTECTION', { message: `${root} cannot be mounted`, because, hint });
}
