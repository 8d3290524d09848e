import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { array, assert, constantFrom, integer, oneof, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { run } from '../platform/processes.ts';
import { createGitPushJudge, MAX_PUSH_LIST_BYTES, type GitPushVerdict } from './git-push.ts';

const ZERO = '0'.repeat(40);
const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const CAPS = '\0 report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5';
const REFS = ['refs/heads/agent/*', 'refs/tags/**'];

const line = (text: string): string => (text.length + 4).toString(16).padStart(4, '0') + text;
const command = (ref: string, { from = A, to = B, caps = '' } = {}): string => line(`${from} ${to} ${ref}${caps}`);

function judge(text: string, pieceBytes = 1 << 20, refs: readonly string[] = REFS): GitPushVerdict {
  const bytes = Buffer.from(text, 'latin1');
  const push = createGitPushJudge(refs);
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    const verdict = push.push(bytes.subarray(start, start + pieceBytes));
    if (verdict !== 'more') return verdict;
  }
  return push.finish();
}

describe.each([1, 3, 1 << 20])('in pieces of %i bytes', (pieceBytes) => {
  test.each([
    ['a change', `${command('refs/heads/agent/x', { caps: CAPS })}0000PACK`],
    ['a creation', `${command('refs/heads/agent/x', { from: ZERO, caps: CAPS })}0000PACK`],
    ['a deletion', `${command('refs/heads/agent/x', { to: ZERO, caps: CAPS })}0000`],
    ['a line end behind the name', `${command('refs/heads/agent/x\n')}0000`],
    [
      'several references',
      `${command('refs/heads/agent/x', { caps: CAPS })}${command('refs/tags/a/b')}${command('refs/tags/c')}0000PACK`,
    ],
    ['the other hash', `${command('refs/tags/v1', { from: 'a'.repeat(64), to: 'b'.repeat(64), caps: CAPS })}0000`],
    ['a shallow clone', `${line(`shallow ${A}`)}${line(`shallow ${B}\n`)}${command('refs/tags/v1')}0000PACK`],
    ['a question whether pushing is possible', '0000'],
    ['a pack that looks like a command', `${command('refs/tags/v1')}0000${command('refs/heads/main')}0000`],
  ])('%s within the rule passes', (_, body) => {
    expect(judge(body, pieceBytes)).toBe('pass');
  });

  test.each([
    ['another branch', `${command('refs/heads/main', { caps: CAPS })}0000PACK`],
    ['a deletion of another branch', `${command('refs/heads/main', { to: ZERO, caps: CAPS })}0000`],
    ['another branch behind an allowed one', `${command('refs/tags/v1')}${command('refs/heads/main')}0000PACK`],
    ['a deeper name than the glob', `${command('refs/heads/agent/x/y')}0000`],
    ['a prefix of the glob', `${command('refs/heads/agent')}0000`],
    ['HEAD', `${command('HEAD')}0000`],
    ['a name that climbs', `${command('refs/tags/../heads/main')}0000`],
    ['a name with an empty part', `${command('refs/tags//main')}0000`],
    ['a name with a control character', `${command('refs/tags/a\x1bb')}0000`],
    ['a name in other letters', `${command('refs/tags/m\xc3\xa4in')}0000`],
    ['a name with a blank', `${command('refs/tags/a refs/heads/main')}0000`],
    ['a name of great length', `${command(`refs/tags/${'a'.repeat(300)}`)}0000`],
    ['a lock', `${command('refs/tags/a.lock')}0000`],
    ['two line ends', `${command('refs/tags/a\n\n')}0000`],
    ['an upper-case object', `${command('refs/tags/a', { from: 'A'.repeat(40) })}0000`],
    ['objects of two hashes', `${command('refs/tags/a', { from: 'a'.repeat(64) })}0000`],
    ['capabilities on a later line', `${command('refs/tags/a')}${command('refs/tags/b', { caps: CAPS })}0000`],
    ['two lists of capabilities', `${command('refs/tags/a', { caps: `${CAPS}${CAPS}` })}0000`],
    ['push options', `${command('refs/tags/a', { caps: `${CAPS} push-options` })}0000${line('merge')}0000`],
    ['a signed push', `${line('push-cert\0 report-status\n')}${line('certificate version 0.1\n')}0000`],
    ['a nonce of a signed push', `${command('refs/tags/a', { caps: '\0push-cert=1' })}0000`],
    ['bounds behind a command', `${command('refs/tags/a')}${line(`shallow ${A}`)}0000`],
    ['bounds with capabilities', `${line(`shallow ${A}\0 x`)}${command('refs/tags/a')}0000`],
    ['an empty packet', `0004${command('refs/tags/a')}0000`],
    ['a delimiter for a flush', `${command('refs/tags/a')}0001`],
    ['a response end for a flush', `${command('refs/tags/a')}0002`],
    ['an upper-case length', `${line(`${A} ${B} refs/tags/aaaaa`).toUpperCase()}0000`],
    ['a length that is no number', `+05a${A} ${B} refs/tags/a0000`],
    ['a length beyond git’s', `ffff${'a'.repeat(0xffff)}`],
    ['no end', command('refs/tags/a')],
    ['half a packet', `${command('refs/tags/a')}0030abc`],
    ['nothing', ''],
    ['something behind the question', `0000${command('refs/heads/main')}0000`],
    ['a pack alone', 'PACK\0\0\0\x02'],
    ['compressed bytes', '\x1f\x8b\x08\0\0\0\0\0'],
  ])('%s is refused', (_, body) => {
    expect(judge(body, pieceBytes)).toEqual({ deny: expect.any(String) });
  });
});

test('a denial is final, and says which reference it was', () => {
  const push = createGitPushJudge(['refs/heads/agent/**']);
  expect(push.push(Buffer.from(command('refs/heads/main')))).toEqual({
    deny: 'the rule does not allow a push to refs/heads/main',
  });
  expect(push.push(Buffer.from('0000'))).toMatchObject({ deny: expect.any(String) });
  expect(push.finish()).toMatchObject({ deny: expect.any(String) });
});

test('a rule without references allows none', () => {
  expect(judge(`${command('refs/heads/main')}0000`, 1, [])).toEqual({ deny: expect.any(String) });
});

test('a list without end is cut off', () => {
  const push = createGitPushJudge(REFS);
  const piece = Buffer.from(line(`shallow ${A}`).repeat(1000));
  let sent = 0;
  let verdict: GitPushVerdict = 'more';
  for (; verdict === 'more' && sent < 2 * MAX_PUSH_LIST_BYTES; sent += piece.length) verdict = push.push(piece);
  expect(verdict).toEqual({ deny: 'the push names too many references' });
});

test('a glob that cannot be read is an error at once', () => {
  expect(() => createGitPushJudge(['refs/heads/a**b'])).toThrow();
});

test('no bytes make it throw, and the size of the pieces does not change the verdict', () => {
  const word = constantFrom('0000', '0001', '0004', command('refs/tags/a'), command('refs/heads/x'), line('x'), A);
  const body = array(oneof(word, string({ unit: 'binary', maxLength: 12 })), { maxLength: 8 });
  assert(
    property(body, integer({ min: 1, max: 64 }), (parts, size) => {
      const text = Buffer.from(parts.join('')).toString('latin1');
      expect(judge(text, size)).toEqual(judge(text));
    }),
    { numRuns: 10_000 },
  );
});

test('whatever passes names allowed references only', () => {
  const names = constantFrom('refs/tags/a', 'refs/heads/agent/b', 'refs/heads/main', 'refs/heads/agent/b/c', 'HEAD');
  assert(
    property(array(names, { minLength: 1, maxLength: 6 }), (references) => {
      const allowed = references.every((name) => ['refs/tags/a', 'refs/heads/agent/b'].includes(name));
      expect(judge(`${references.map((name) => command(name)).join('')}0000`) === 'pass').toBe(allowed);
    }),
    { numRuns: 10_000 },
  );
});

test('what the real git sends is understood', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-push-'));
  const bare = join(directory, 'bare.git');
  const work = join(directory, 'work');
  const git = async (cwd: string, ...args: readonly string[]): Promise<number | null> => {
    const env = { PATH: '/usr/bin:/bin', HOME: directory, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' };
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@test.invalid'];
    return (await run('git', [...identity, ...args], { cwd, env, timeoutMs: 20_000 })).exitCode;
  };
  const bodies: Buffer[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces);
      const isQuestion = request.method === 'GET';
      if (!isQuestion) bodies.push(body);
      const args = ['receive-pack', '--stateless-rpc', ...(isQuestion ? ['--advertise-refs'] : []), bare];
      const answer = spawnSync('git', args, { input: body }).stdout;
      const service = isQuestion ? '001f# service=git-receive-pack\n0000' : '';
      response.setHeader('content-type', `application/x-git-receive-pack-${isQuestion ? 'advertisement' : 'result'}`);
      response.end(Buffer.concat([Buffer.from(service), answer]));
    });
  });
  try {
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const remote = `http://127.0.0.1:${port}/bare.git`;
    expect(await git(directory, 'init', '-q', '--bare', bare)).toBe(0);
    expect(await git(directory, 'init', '-q', work)).toBe(0);
    expect(await git(work, 'commit', '-q', '--allow-empty', '-m', 'one')).toBe(0);
    expect(await git(work, 'push', '-q', remote, 'HEAD:refs/heads/agent/one', 'HEAD:refs/tags/v1')).toBe(0);
    expect(await git(work, 'push', '-q', remote, ':refs/heads/agent/one', 'HEAD:refs/heads/main')).toBe(0);
  } finally {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  }
  const verdicts = bodies.map((body) => judge(body.toString('latin1'), 7));
  expect(verdicts).toEqual(['pass', { deny: 'the rule does not allow a push to refs/heads/main' }]);
});
