// What the real clients of each service ask for, and what would carry data out through the same hosts.
import { describe, expect, test } from 'vitest';
import { BUNDLES, findBundle } from './bundles.ts';
import { decide } from './chain.ts';
import { exchangeFromUrl } from './explain.ts';
import { NO_USAGE } from './inspector.ts';
import type { Decision } from './types.ts';

function judge(bundle: string, request: string): Decision {
  const [method = '', url = ''] = request.split(' ');
  const parsed = exchangeFromUrl(method, url);
  if (!parsed.ok) throw new Error(`${request}: ${parsed.reason}`);
  const rules = findBundle(bundle)?.rules;
  if (rules === undefined) throw new Error(`there is no bundle ${bundle}`);
  return decide({ mode: 'filtered', rules }, parsed.exchange, { bindings: [], nowMs: 0, usage: () => NO_USAGE });
}

const LONG = 'x'.repeat(2000);

interface Case {
  bundle: string;
  allowed: readonly string[];
  refused: readonly string[];
}

const CASES: readonly Case[] = [
  {
    bundle: 'anthropic',
    allowed: [
      'POST https://api.anthropic.com/v1/messages?beta=true',
      'POST https://api.anthropic.com/v1/messages',
      'POST https://api.anthropic.com/v1/messages/count_tokens?beta=true',
      'GET https://api.anthropic.com/v1/models?limit=1000',
      'GET https://api.anthropic.com/v1/models/claude-opus-4-1',
      'GET https://api.anthropic.com/api/claude_code/settings',
      'GET https://api.anthropic.com/api/claude_code/policy_limits',
    ],
    refused: [
      'POST https://api.anthropic.com/v1/files',
      'GET https://api.anthropic.com/v1/files/file_1/content',
      'POST https://api.anthropic.com/v1/messages/batches',
      'POST https://api.anthropic.com/v1/skills',
      'POST https://api.anthropic.com/v1/organizations/api_keys',
      'POST https://api.anthropic.com/api/event_logging/batch',
      'POST https://api.anthropic.com/api/claude_code/settings',
      'GET https://api.anthropic.com/api/claude_code/settings?x=1',
      'POST https://api.anthropic.com/api/claude_cli_feedback',
      'PUT https://api.anthropic.com/v1/messages',
      `POST https://api.anthropic.com/v1/messages?x=${LONG}`,
      'POST http://api.anthropic.com/v1/messages',
      'POST https://api.anthropic.com:8443/v1/messages',
      'GET wss://api.anthropic.com/v1/messages',
      'POST https://console.anthropic.com/v1/oauth/token',
      'POST https://statsig.anthropic.com/v1/rgstr',
    ],
  },
  {
    bundle: 'openai',
    allowed: [
      'GET wss://api.openai.com/v1/responses',
      'POST https://api.openai.com/v1/responses',
      'POST https://api.openai.com/v1/responses/compact',
      'POST https://api.openai.com/v1/responses/input_tokens',
      'GET https://api.openai.com/v1/responses/resp_1?stream=true&starting_after=3',
      'POST https://api.openai.com/v1/responses/resp_1/cancel',
      'POST https://api.openai.com/v1/chat/completions',
      'POST https://api.openai.com/v1/embeddings',
      'GET https://api.openai.com/v1/models',
      'GET https://api.openai.com/v1/models/gpt-5.6-sol',
    ],
    refused: [
      'POST https://api.openai.com/v1/files',
      'GET https://api.openai.com/v1/files/file-1/content',
      'POST https://api.openai.com/v1/uploads',
      'POST https://api.openai.com/v1/uploads/upload_1/parts',
      'POST https://api.openai.com/v1/vector_stores',
      'POST https://api.openai.com/v1/fine_tuning/jobs',
      'POST https://api.openai.com/v1/batches',
      'POST https://api.openai.com/v1/containers',
      'POST https://api.openai.com/v1/conversations',
      'POST https://api.openai.com/v1/evals',
      'POST https://api.openai.com/v1/threads',
      'POST https://api.openai.com/v1/images/edits',
      'POST https://api.openai.com/v1/audio/transcriptions',
      'DELETE https://api.openai.com/v1/models/ft:x',
      'GET wss://api.openai.com/v1/realtime?model=x',
      'POST https://api.openai.com/v1/organization/admin_api_keys',
      'POST https://chatgpt.com/backend-api/codex/responses',
      `GET wss://api.openai.com/v1/responses?x=${LONG}`,
    ],
  },
  {
    bundle: 'google-ai',
    allowed: [
      'POST https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent',
      'POST https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse',
      'POST https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:countTokens',
      'POST https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001:batchEmbedContents',
      'GET https://generativelanguage.googleapis.com/v1beta/models?pageSize=50&pageToken=a',
      'GET https://generativelanguage.googleapis.com/v1/models/gemini-2.5-pro',
    ],
    refused: [
      'POST https://generativelanguage.googleapis.com/upload/v1beta/files',
      'POST https://generativelanguage.googleapis.com/v1beta/files',
      'POST https://generativelanguage.googleapis.com/v1beta/cachedContents',
      'POST https://generativelanguage.googleapis.com/v1beta/tunedModels',
      'POST https://generativelanguage.googleapis.com/v1beta/corpora',
      'POST https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:batchGenerateContent',
      'POST https://generativelanguage.googleapis.com/v1beta/models/x/y:generateContent',
      'POST https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent?key=mine',
      'GET wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent',
      'POST https://aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m:generateContent',
      'POST https://storage.googleapis.com/upload/storage/v1/b/b/o',
    ],
  },
  {
    bundle: 'npm',
    allowed: [
      'GET https://registry.npmjs.org/lodash',
      'HEAD https://registry.npmjs.org/lodash',
      'GET https://registry.npmjs.org/@types%2fnode',
      'GET https://registry.npmjs.org/@types/node',
      'GET https://registry.npmjs.org/npm/latest',
      'GET https://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz',
      'GET https://registry.npmjs.org/@types/node/-/node-20.0.0.tgz',
      'GET https://registry.npmjs.org/lodash?write=false',
      'GET https://registry.npmjs.org/-/npm/v1/keys',
      'GET https://registry.npmjs.org/-/npm/v1/attestations/sigstore@1.0.0',
    ],
    refused: [
      'PUT https://registry.npmjs.org/lodash',
      'PUT https://registry.npmjs.org/@me%2fmine',
      'DELETE https://registry.npmjs.org/lodash/-rev/1',
      'POST https://registry.npmjs.org/-/npm/v1/security/audits/quick',
      'POST https://registry.npmjs.org/-/npm/v1/security/advisories/bulk',
      'GET https://registry.npmjs.org/-/v1/search?text=a&size=20',
      'PUT https://registry.npmjs.org/-/user/org.couchdb.user:me',
      'POST https://registry.npmjs.org/-/v1/login',
      'POST https://registry.npmjs.org/-/npm/v1/tokens',
      'GET https://registry.npmjs.org/-/npm/v1/user',
      `GET https://registry.npmjs.org/lodash?x=${LONG}`,
      'GET https://registry.npmjs.org.evil.example/lodash',
      'GET https://www.npmjs.com/package/lodash',
    ],
  },
  {
    bundle: 'pypi',
    allowed: [
      'GET https://pypi.org/simple/requests/',
      'GET https://pypi.org/simple/',
      'GET https://pypi.org/pypi/requests/json',
      'GET https://pypi.org/pypi/requests/2.32.0/json',
      'GET https://files.pythonhosted.org/packages/a/b/c/requests-2.32.0-py3-none-any.whl',
      'GET https://files.pythonhosted.org/packages/a/b/c/requests-2.32.0-py3-none-any.whl.metadata',
      'HEAD https://files.pythonhosted.org/packages/a/b/c/requests-2.32.0.tar.gz',
    ],
    refused: [
      'POST https://upload.pypi.org/legacy/',
      'POST https://pypi.org/legacy/',
      'POST https://pypi.org/pypi',
      'POST https://pypi.org/_/oidc/mint-token',
      'GET https://pypi.org/search/?q=a',
      'PUT https://files.pythonhosted.org/packages/a/b/c',
      'GET https://test.pypi.org/simple/requests/',
      `GET https://pypi.org/simple/requests/?x=${LONG}`,
    ],
  },
  {
    bundle: 'crates',
    allowed: [
      'GET https://index.crates.io/config.json',
      'GET https://index.crates.io/1/a',
      'GET https://index.crates.io/3/s/syn',
      'GET https://index.crates.io/se/rd/serde',
      'GET https://static.crates.io/crates/serde/serde-1.0.0.crate',
      'GET https://static.crates.io/crates/serde/1.0.0/download',
      'GET https://crates.io/api/v1/crates/serde/1.0.0/download',
    ],
    refused: [
      'PUT https://crates.io/api/v1/crates/new',
      'GET https://crates.io/api/v1/crates?q=serde',
      'DELETE https://crates.io/api/v1/crates/serde/1.0.0/yank',
      'PUT https://crates.io/api/v1/crates/serde/owners',
      'GET https://crates.io/api/v1/me',
      'POST https://static.crates.io/crates/serde/1.0.0/download',
      'GET https://index.crates.io/se/rd/serde?x=1',
    ],
  },
  {
    bundle: 'apt',
    allowed: [
      'GET http://deb.debian.org/debian/dists/bookworm/InRelease',
      'GET https://deb.debian.org/debian/pool/main/c/curl/curl_8.0_amd64.deb',
      'GET http://security.debian.org/debian-security/dists/bookworm-security/InRelease',
      'GET http://archive.ubuntu.com/ubuntu/dists/noble/InRelease',
      'GET http://ports.ubuntu.com/ubuntu-ports/dists/noble/InRelease',
    ],
    refused: [
      'POST http://deb.debian.org/debian/',
      'PUT http://archive.ubuntu.com/ubuntu/x',
      'GET http://deb.debian.org/debian/dists?x=1',
      'GET http://archive.ubuntu.com/other/x',
      'GET http://deb.debian.org:8080/debian/',
      'GET http://ftp.upload.debian.org/pub/UploadQueue/',
    ],
  },
  {
    bundle: 'github:octo/hello',
    allowed: [
      'GET https://github.com/octo/hello.git/info/refs?service=git-upload-pack',
      'GET https://github.com/octo/hello/info/refs?service=git-upload-pack',
      'POST https://github.com/octo/hello.git/git-upload-pack',
      'POST https://github.com/octo/hello/git-upload-pack',
      'GET https://github.com/octo/hello/archive/refs/tags/v1.tar.gz',
      'GET https://codeload.github.com/octo/hello/tar.gz/refs/tags/v1',
      'GET https://raw.githubusercontent.com/octo/hello/main/README.md',
      'GET https://api.github.com/repos/octo/hello',
      'GET https://api.github.com/repos/octo/hello/pulls?state=open&per_page=100',
    ],
    refused: [
      'POST https://github.com/octo/hello.git/git-receive-pack',
      'POST https://github.com/octo/hello/git-receive-pack',
      'POST https://github.com/octo/hello.git/info/lfs/objects/batch',
      'POST https://github.com/octo/other.git/git-upload-pack',
      'GET https://github.com/evil/hello.git/info/refs?service=git-upload-pack',
      'GET https://github.com/octo/hello.git.evil/info/refs',
      'GET https://raw.githubusercontent.com/evil/hello/main/README.md',
      'POST https://api.github.com/gists',
      'GET https://api.github.com/repos/octo/other',
      'GET https://api.github.com/repos/octo/hello2',
      'GET https://api.github.com/search/code?q=a',
      'GET https://api.github.com/user',
      'POST https://api.github.com/repos/octo/hello/issues',
      'PUT https://api.github.com/repos/octo/hello/contents/a',
      'PATCH https://api.github.com/repos/octo/hello',
      'POST https://api.github.com/graphql',
      'POST https://uploads.github.com/repos/octo/hello/releases/1/assets?name=a',
      `GET https://api.github.com/repos/octo/hello/pulls?x=${LONG}`,
      'POST https://gist.github.com/me/1.git/git-receive-pack',
      'GET https://github.com/login/oauth/authorize',
    ],
  },
  {
    bundle: 'github:octo/hello:push=agent/*',
    allowed: [
      'GET https://github.com/octo/hello.git/info/refs?service=git-receive-pack',
      'POST https://github.com/octo/hello.git/git-receive-pack',
      'POST https://github.com/octo/hello/git-receive-pack',
      'POST https://github.com/octo/hello.git/git-upload-pack',
    ],
    refused: [
      'POST https://github.com/octo/other.git/git-receive-pack',
      'POST https://github.com/octo/hello.git/git-receive-pack?x=1',
      'GET https://github.com/octo/hello.git/git-receive-pack',
      'POST https://github.com/octo/hello.wiki.git/git-receive-pack',
      'POST https://api.github.com/repos/octo/hello/git/refs',
      'POST https://api.github.com/repos/octo/hello/merges',
    ],
  },
  {
    bundle: 's3:data',
    allowed: [
      'GET https://data.s3.amazonaws.com/a/b.csv',
      'HEAD https://data.s3.eu-west-1.amazonaws.com/a/b.csv?versionId=1',
      'GET https://data.s3.eu-west-1.amazonaws.com/?list-type=2&prefix=a%2F&continuation-token=x',
      'GET https://s3.us-east-1.amazonaws.com/data/a/b.csv',
      'GET https://s3.amazonaws.com/data?list-type=2',
    ],
    refused: [
      'PUT https://data.s3.amazonaws.com/a',
      'POST https://data.s3.amazonaws.com/a?uploads',
      'DELETE https://data.s3.amazonaws.com/a',
      'GET https://other.s3.amazonaws.com/a',
      'GET https://data.other.s3.amazonaws.com/a',
      'GET https://s3.amazonaws.com/other/a',
      'GET https://s3.amazonaws.com/database/a',
      'GET https://s3.amazonaws.com/',
      'GET https://data.s3.nowhere-1.amazonaws.com/a',
      'GET https://data.s3.eu-west-1.amazonaws.com.evil.example/a',
      'GET https://data.s3-accelerate.amazonaws.com/a',
      'GET https://data.s3.amazonaws.com/a?X-Amz-Signature=00&X-Amz-Credential=AKIA',
      'GET http://data.s3.amazonaws.com/a',
      `GET https://data.s3.amazonaws.com/a?x=${LONG}`,
    ],
  },
  {
    bundle: 's3:data@eu-west-1:write',
    allowed: [
      'GET https://data.s3.eu-west-1.amazonaws.com/a',
      'PUT https://data.s3.eu-west-1.amazonaws.com/a?partNumber=1&uploadId=x',
      'POST https://data.s3.eu-west-1.amazonaws.com/a/b?uploads',
      'DELETE https://data.s3.eu-west-1.amazonaws.com/a/b',
      'PUT https://s3.eu-west-1.amazonaws.com/data/a',
    ],
    refused: [
      'PUT https://data.s3.eu-west-1.amazonaws.com/',
      'PUT https://data.s3.eu-west-1.amazonaws.com/?policy',
      'DELETE https://data.s3.eu-west-1.amazonaws.com/',
      'PUT https://s3.eu-west-1.amazonaws.com/data',
      'PUT https://s3.eu-west-1.amazonaws.com/data/',
      'PUT https://s3.eu-west-1.amazonaws.com/data2/a',
      'PUT https://data.s3.us-east-1.amazonaws.com/a',
      'PUT https://data.s3.amazonaws.com/a',
    ],
  },
];

describe.each(CASES)('$bundle', ({ bundle, allowed, refused }) => {
  test.each(allowed)('allows %s', (request) => {
    expect(judge(bundle, request)).toMatchObject({ decision: 'allow', matched: { origin: 'bundle' } });
  });

  test.each(refused.map((request) => [request.slice(0, 120), request]))('refuses %s', (_, request) => {
    expect(judge(bundle, request ?? '').decision).toBe('deny');
  });

  test('names its rules uniquely, says what it does, and bounds hosts, methods and queries', () => {
    const rules = findBundle(bundle)?.rules ?? [];
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    for (const rule of rules) {
      expect(rule).toMatchObject({ effect: 'allow', origin: 'bundle', host: expect.not.stringContaining('*') });
      expect(rule.methods).toBeDefined();
      expect(rule.maxQueryBytes).toBeLessThanOrEqual(1024);
    }
    expect(findBundle(bundle)?.description).toMatch(/\w/);
  });
});

test('every bundle has its table', () => {
  const tested = CASES.map(({ bundle }) => bundle);
  expect(tested).toEqual(expect.arrayContaining(Object.keys(BUNDLES)));
});

test.each([
  ['agent/*', ['refs/heads/agent/*']],
  ['main', ['refs/heads/main']],
  ['refs/heads/agent/**,refs/tags/v*', ['refs/heads/agent/**', 'refs/tags/v*']],
])('pushing to %s means %j', (text, references) => {
  const push = findBundle(`github:octo/hello:push=${text}`)?.rules.filter(({ pushRefs }) => pushRefs !== undefined);
  expect(push).toHaveLength(2);
  for (const rule of push ?? []) expect(rule.pushRefs).toEqual(references);
});

test.each([
  '',
  'constructor',
  '__proto__',
  'Npm',
  'github',
  'github:octo',
  'github:octo/..',
  'github:-octo/hello',
  'github:octo/hello/x',
  'github:octo/he*llo',
  'github:octo/hello:push',
  'github:octo/hello:push=',
  'github:octo/hello:push=a,',
  'github:octo/hello:push=a b',
  'github:octo/hello:push=../main',
  'github:octo/hello:push=/main',
  'github:octo/hello:push=a//b',
  'github:octo/hello:push=a**',
  'github:octo/hello:push=a%2Fb',
  'github:octo/hello:write',
  's3:',
  's3:ab',
  's3:Data',
  's3:my.bucket',
  's3:da*ta',
  's3:-data',
  's3:data-',
  's3:data/key',
  's3:data@',
  's3:data@nowhere-1',
  's3:data:read',
  's3:data--x-s3',
  's3:xn--data',
])('%j is no bundle', (text) => {
  expect(findBundle(text)).toBeUndefined();
});
