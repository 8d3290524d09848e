// Which files of the project its own git on this machine runs or reads as settings: what its configuration, its hooks and links among them
// name. A change to one of them runs on the host without a name that the catalogue could know. Reads, runs nothing; in doubt it names.
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { hostEnvironment } from '../platform/environment.ts';
import { isInside, realPathSoFar } from '../platform/files.ts';
import { systemErrorCode } from '../platform/errors.ts';
import { fromText, type BytePath } from './byte-path.ts';
import type { GitSettings } from './git.ts';
import type { Project, Repository } from './project.ts';

/** Whether a byte path is one of them. */
export type HostGitRuns = (path: BytePath) => boolean;

/** Settings whose value is a program with its arguments, or a file with more settings. */
const PROGRAM =
  /^(?:core\.(?:fsmonitor|sshcommand|editor|pager|askpass|gitproxy|alternaterefscommand)|alias\..*|pager\..*|sequence\.editor|include(?:if\..*)?\.path|.*\.(?:clean|smudge|process|textconv|command|driver|helper|program|cmd|path|xfuncname))$/;
const MAX_HOOK_BYTES = 64 * 1024;

export function hostGitRuns({ root, git }: Project, settings: GitSettings): HostGitRuns {
  if (git === undefined) return () => false;
  const files = new Set<BytePath>();
  const name = (text: string, ...from: readonly string[]): void => {
    for (const word of text.split(/[\s'"`;|&()<>={}$!]+/)) {
      if (word === '' || word.includes('\0')) continue;
      for (const directory of from) addInside(files, root, resolve(directory, word));
    }
  };
  for (const [key, value] of settings) if (PROGRAM.test(key)) name(value, root, git.gitDir);
  const hooks = hooksDirectory(root, git, settings.get('core.hookspath'));
  for (const file of hookFiles(hooks)) {
    const link = lstatSync(file).isSymbolicLink() ? readlinkSync(file) : undefined;
    if (link !== undefined) addInside(files, root, resolve(hooks, link));
    else name(readHook(file), root);
  }
  const directory = isInside(hooks, root) && hooks !== root ? `${fromText(relative(root, hooks))}/` : undefined;
  return (path) => files.has(path) || (directory !== undefined && path.startsWith(directory));
}

function addInside(files: Set<BytePath>, root: string, path: string): void {
  if (path !== root && isInside(path, root)) files.add(fromText(relative(root, path)));
}

/** As git has it: relative to where hooks run. */
function hooksDirectory(root: string, { commonDir }: Repository, named: string | undefined): string {
  if (named === undefined || named === '') return join(commonDir, 'hooks');
  const path = named.startsWith('~/') ? join(hostEnvironment()['HOME'] ?? '/', named.slice(2)) : named;
  try {
    return realPathSoFar(resolve(root, path));
  } catch {
    // Nowhere that git could read hooks either.
    return resolve(root, path);
  }
}

function hookFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => !name.endsWith('.sample'))
      .map((name) => join(directory, name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG'].includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  }
}

function readHook(path: string): string {
  const stat = lstatSync(path);
  if (!stat.isFile() || stat.size > MAX_HOOK_BYTES) return '';
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'EACCES') return '';
    throw error;
  }
}
