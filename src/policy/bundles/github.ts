// One repository on GitHub: `github:OWNER/REPO` reads it, `github:OWNER/REPO:push=REF[,REF…]` also pushes to these
// references. Other owners, gists, issues, releases' uploads and every other write are refused by absence.
import type { Rule } from '../types.ts';
import { canonicalGlob } from '../paths.ts';
import { allow, allowRead, SHORT_QUERY_BYTES, type Bundle } from './bundle.ts';

/** GitHub's own grammar of names; the `.git` that people copy along is not part of it. */
const GITHUB =
  /^github:([A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})\/([A-Za-z0-9._-]{1,100}?)(?:\.git)?(?::push=([^\s:]{1,500}))?$/;
/** A reference as a glob; no `*` beside `**`. */
const REFERENCE = /^[A-Za-z0-9._@+*-]+(?:\/[A-Za-z0-9._@+*-]+)*$/;
const API_QUERY_BYTES = 256;

/** The bundle that a text names, or undefined. */
export function githubBundle(text: string): Bundle | undefined {
  const [, owner, repository, references] = GITHUB.exec(text) ?? [];
  if (owner === undefined || repository === undefined || /^\.{1,2}$/.test(repository)) return undefined;
  if (references === undefined) {
    return {
      description: `read the repository ${owner}/${repository} on GitHub; no push`,
      rules: readRules(owner, repository),
    };
  }
  const pushRefs = references.split(',').map(readReference);
  if (!pushRefs.every((reference) => reference !== undefined)) return undefined;
  return {
    description: `read the repository ${owner}/${repository} on GitHub, and push to ${pushRefs.join(', ')}`,
    rules: [...readRules(owner, repository), ...pushRules(owner, repository, pushRefs)],
  };
}

/** A name without `refs/` is a branch. */
function readReference(text: string): string | undefined {
  const isReadable = REFERENCE.test(text) && !text.includes('..') && canonicalGlob(`/${text}`).ok;
  if (!isReadable) return undefined;
  return text.startsWith('refs/') ? text : `refs/heads/${text}`;
}

/** Git asks for a repository with and without `.git`. */
const SUFFIXES = [
  ['-dot-git', '.git'],
  ['', ''],
] as const;

function readRules(owner: string, repository: string): Rule[] {
  const prefix = `github:${owner}/${repository}`;
  const home = `/${owner}/${repository}`;
  return [
    ...SUFFIXES.flatMap(([label, suffix]) => [
      // The same list of references precedes a push; it takes nothing but the service's name.
      allow(`${prefix}:refs${label}`, {
        host: 'github.com',
        methods: ['GET'],
        path: `${home}${suffix}/info/refs`,
        maxQueryBytes: SHORT_QUERY_BYTES,
      }),
      allow(`${prefix}:fetch${label}`, {
        host: 'github.com',
        methods: ['POST'],
        path: `${home}${suffix}/git-upload-pack`,
        maxQueryBytes: 0,
      }),
    ]),
    allowRead(`${prefix}:archive-link`, 'github.com', `${home}/archive/**`, 0),
    allowRead(`${prefix}:archive`, 'codeload.github.com', `${home}/**`, 0),
    allowRead(`${prefix}:raw`, 'raw.githubusercontent.com', `${home}/**`, 0),
    allowRead(`${prefix}:api`, 'api.github.com', `/repos${home}/**`, API_QUERY_BYTES),
  ];
}

function pushRules(owner: string, repository: string, pushRefs: readonly string[]): Rule[] {
  return SUFFIXES.map(([label, suffix]) =>
    allow(`github:${owner}/${repository}:push${label}:${pushRefs.join(',')}`, {
      host: 'github.com',
      methods: ['POST'],
      path: `/${owner}/${repository}${suffix}/git-receive-pack`,
      maxQueryBytes: 0,
      pushRefs,
    }),
  );
}
