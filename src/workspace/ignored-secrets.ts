// Finds the files that git ignores and that look like secrets, so that they stay out of the cage. Looks only where such files
// live: dependency and build directories are not searched, and the search has a bound.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { BASE_INDEX, type Base } from './base.ts';
import { below, bytePath, nameOf, type BytePath } from './byte-path.ts';
import { isGeneratedDirectory } from './generated-directories.ts';
import type { Project } from './project.ts';
import { listUntracked } from './record-tree.ts';
import { secretReason } from './secret-files.ts';

export interface SecretFile {
  path: BytePath;
  reason: string;
}

const MAX_DEPTH = 6;
const MAX_ENTRIES = 50_000;

/** What in the project is no part of the base, as recordTree lists it. */
export function untrackedEntries(project: Project, base: Base): Promise<BytePath[]> {
  const indexFile = join(base.gitDir, BASE_INDEX);
  return listUntracked({ gitDir: base.gitDir, workTree: project.root, indexFile });
}

/** What of that looks like a secret. */
export function ignoredSecrets(project: Project, untracked: readonly BytePath[]): SecretFile[] {
  const found: SecretFile[] = [];
  const budget = { entries: MAX_ENTRIES };
  for (const record of untracked) {
    if (record.endsWith('/')) searchDirectory(project, record.slice(0, -1), 0, budget, found);
    else keepSecret(project, record, found);
  }
  return found;
}

function keepSecret(project: Project, path: BytePath, found: SecretFile[]): void {
  const reason = secretReason(path, below(project.root, path));
  if (reason !== undefined) found.push({ path, reason });
}

function searchDirectory(
  project: Project,
  directory: BytePath,
  depth: number,
  budget: { entries: number },
  found: SecretFile[],
): void {
  if (depth > MAX_DEPTH || isGeneratedDirectory(nameOf(directory))) return;
  let entries;
  try {
    entries = readdirSync(below(project.root, directory), { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    // Unreadable for us is unreadable for the cage.
    if (['EACCES', 'ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return;
    throw error;
  }
  for (const entry of entries) {
    if (budget.entries-- <= 0) return;
    const path = `${directory}/${bytePath(entry.name)}`;
    if (entry.isDirectory()) searchDirectory(project, path, depth + 1, budget, found);
    else if (entry.isFile() || entry.isSymbolicLink()) keepSecret(project, path, found);
  }
}
