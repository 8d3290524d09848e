// Which cage is meant: the one that was named, or the one of the current project.
import { IronError } from '../platform/errors.ts';
import { resolveProjectRoot } from '../workspace/project.ts';
import { resolve } from 'node:path';
import type { Context } from './context.ts';
import { isGitUrl, parseGitUrl } from './git-url.ts';
import { defaultCageName, nameOfUrl, parseCageName } from './names.ts';
import { cageExists, listCageNames, noSuchCage, readSpec } from './store.ts';

/** The named cage, or the one of the project around `cwd`, or of the git URL that stands there. Throws E_NO_CAGE. */
export async function resolveCageName(context: Context, name: string | undefined, cwd: string): Promise<string> {
  if (name !== undefined) {
    if (!cageExists(context, parseCageName(name))) throw noSuchCage(name);
    return name;
  }
  const url = isGitUrl(cwd) ? parseGitUrl(cwd) : undefined;
  const project = url?.url ?? (await resolveProjectRoot(resolve(context.cwd, cwd)));
  const own = url === undefined ? defaultCageName(project) : nameOfUrl(url.repository, url.url);
  if (cageExists(context, own)) return own;
  const others: string[] = [];
  for (const candidate of listCageNames(context)) {
    const spec = await readSpec(context, candidate).catch(() => undefined);
    if (spec?.project === project || (url !== undefined && spec?.source?.url === project)) others.push(candidate);
  }
  const [only] = others;
  if (only !== undefined && others.length === 1) return only;
  throw new IronError('E_NO_CAGE', {
    message:
      others.length === 0
        ? `the project ${project} has no cage`
        : `the project ${project} has several cages: ${others.join(', ')}`,
    hint: others.length === 0 ? 'make one: ironcage run claude, or ironcage create' : 'name the one you mean',
  });
}
