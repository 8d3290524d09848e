import { expect, test } from 'vitest';
import { npmFailure } from './npm-failure.ts';

const failed = (stderr: string) => npmFailure('Claude Code', { exitCode: 1, stderr, timedOut: false });

test.each([
  ['npm error code ENOTFOUND\nnpm error network request to https://r failed', 'E_AGENT_INSTALL', 'cannot be reached'],
  ['npm error code ECONNREFUSED', 'E_AGENT_INSTALL', 'cannot be reached'],
  ['npm error code EINTEGRITY', 'E_AGENT_INSTALL', 'other bytes than the pinned ones'],
  ['npm error code E404', 'E_AGENT_INSTALL', 'does not have the pinned version'],
  ['npm error code SELF_SIGNED_CERT_IN_CHAIN', 'E_AGENT_INSTALL', 'certificate'],
  ['npm error code ENOSPC\nnpm error nospc write', 'E_DISK_FULL', 'disk is full'],
  ['npm error code EACCES', 'E_AGENT_INSTALL', 'may not write'],
  [
    'npm warn old\nnpm error something odd\nnpm error A complete log of this run is in: /x',
    'E_AGENT_INSTALL',
    'something odd',
  ],
  ['', 'E_AGENT_INSTALL', 'without a word'],
])('npm’s %j becomes %s: %s', (stderr, code, because) => {
  const error = failed(stderr);
  expect(error).toMatchObject({ code, exitCode: 125, because: expect.stringContaining(because) });
  expect(error.hint).not.toBe('');
});

test('npm that does not finish is named as such', () => {
  const error = npmFailure('Claude Code', { exitCode: null, stderr: '', timedOut: true });
  expect(error.because).toContain('did not finish');
});
