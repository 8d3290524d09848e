// Named sets of rules for services that agents need. Each is a grammar: read verbs and known path shapes, so that an allowed
// host is no way out for data. What is not listed (publishing, uploads, search, audit reports) is refused by absence.
import type { Rule } from './types.ts';

export interface Bundle {
  /** What it allows, for people, on one line. */
  description: string;
  rules: readonly Rule[];
}

const READ = ['GET', 'HEAD'] as const;
/** Package clients send no queries worth mentioning; a long one is data on its way out. */
const SHORT_QUERY_BYTES = 64;

function allow(id: string, rule: Pick<Rule, 'host' | 'methods' | 'path' | 'scheme' | 'maxQueryBytes'>): Rule {
  return { id, effect: 'allow', origin: 'bundle', ...rule };
}

function npmRead(id: string, path: string): Rule {
  return allow(id, { host: 'registry.npmjs.org', methods: READ, path, maxQueryBytes: SHORT_QUERY_BYTES });
}

function pypiRead(id: string, host: string, path: string): Rule {
  return allow(id, { host, methods: READ, path, maxQueryBytes: SHORT_QUERY_BYTES });
}

/** Debian's and Ubuntu's archives are signed, and their clients speak plain HTTP by default. */
function aptRead(host: string, path?: string): Rule[] {
  const read = { host, methods: READ, maxQueryBytes: 0, ...(path !== undefined && { path }) };
  return [allow(`apt:${host}`, read), allow(`apt:http:${host}`, { ...read, scheme: 'http' })];
}

export const BUNDLES: Readonly<Record<string, Bundle>> = {
  npm: {
    description: 'read packages from registry.npmjs.org; no publishing, search or audit reports',
    rules: [
      // A scoped name is one segment when its slash is encoded, as npm does, so that this shape covers it.
      npmRead('npm:metadata', '/*'),
      npmRead('npm:scoped-metadata', '/@*/*'),
      npmRead('npm:tarball', '/*/-/*.tgz'),
      npmRead('npm:scoped-tarball', '/@*/*/-/*.tgz'),
    ],
  },
  pypi: {
    description: 'read packages from pypi.org and files.pythonhosted.org; no uploads',
    rules: [
      pypiRead('pypi:index', 'pypi.org', '/simple/**'),
      pypiRead('pypi:metadata', 'pypi.org', '/pypi/*/json'),
      pypiRead('pypi:release-metadata', 'pypi.org', '/pypi/*/*/json'),
      pypiRead('pypi:files', 'files.pythonhosted.org', '/packages/**'),
    ],
  },
  apt: {
    description: 'read the package archives of Debian and Ubuntu, over http and https',
    rules: [
      ...aptRead('deb.debian.org'),
      ...aptRead('security.debian.org'),
      ...aptRead('archive.ubuntu.com', '/ubuntu/**'),
      ...aptRead('security.ubuntu.com', '/ubuntu/**'),
      ...aptRead('ports.ubuntu.com', '/ubuntu-ports/**'),
    ],
  },
  anthropic: {
    description: 'inference on api.anthropic.com: messages, token counts, models; no files',
    rules: [
      anthropic('messages', ['POST'], '/v1/messages'),
      anthropic('count-tokens', ['POST'], '/v1/messages/count_tokens'),
      anthropic('models', READ, '/v1/models'),
      anthropic('model', READ, '/v1/models/*'),
    ],
  },
};

function anthropic(name: string, methods: readonly string[], path: string): Rule {
  return allow(`anthropic:${name}`, { host: 'api.anthropic.com', methods, path, maxQueryBytes: 256 });
}

/** Fetching one repository: git's smart protocol and the archives made from it. Pushing is refused by absence. */
function githubBundle(owner: string, repository: string): Bundle {
  const prefix = `github:${owner}/${repository}`;
  const git = (suffix: string): Rule[] => {
    const path = `/${owner}/${repository}${suffix}`;
    const label = suffix === '' ? '' : '-dot-git';
    return [
      allow(`${prefix}:refs${label}`, {
        host: 'github.com',
        methods: ['GET'],
        path: `${path}/info/refs`,
        maxQueryBytes: SHORT_QUERY_BYTES,
      }),
      allow(`${prefix}:fetch${label}`, {
        host: 'github.com',
        methods: ['POST'],
        path: `${path}/git-upload-pack`,
        maxQueryBytes: 0,
      }),
    ];
  };
  const archive = (name: string, host: string): Rule =>
    allow(`${prefix}:${name}`, { host, methods: READ, path: `/${owner}/${repository}/**`, maxQueryBytes: 0 });
  return {
    description: `read the repository ${owner}/${repository} on GitHub; no push`,
    rules: [
      ...git('.git'),
      ...git(''),
      archive('archive', 'codeload.github.com'),
      archive('raw', 'raw.githubusercontent.com'),
    ],
  };
}

/** The bundle that a text names, or undefined. */
export function findBundle(text: string): Bundle | undefined {
  if (Object.hasOwn(BUNDLES, text)) return BUNDLES[text];
  const [, owner, repository] = GITHUB.exec(text) ?? [];
  if (owner === undefined || repository === undefined || /^\.{1,2}$/.test(repository)) return undefined;
  return githubBundle(owner, repository);
}

/** GitHub's own grammar of names; the `.git` that people copy along is not part of it. */
const GITHUB = /^github:([A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})\/([A-Za-z0-9._-]{1,100}?)(?:\.git)?$/;
