import { expect, test } from 'vitest';
import { isGitUrl, parseGitUrl } from './git-url.ts';

const none = { user: undefined, password: undefined };

test.each([
  ['https://git.example/o/shop.git', { url: 'https://git.example/o/shop.git', protocol: 'https', repository: 'shop', ...none }],
  ['HTTPS://Git.Example/o/shop/', { url: 'https://git.example/o/shop/', protocol: 'https', repository: 'shop', ...none }],
  ['https://me:p%40ss@git.example/shop', { url: 'https://git.example/shop', protocol: 'https', repository: 'shop', user: 'me', password: 'p@ss' }],
  ['https://ghp_token@git.example/shop', { url: 'https://git.example/shop', user: 'ghp_token', password: undefined }],
  ['ssh://git@git.example:2222/o/shop.git', { url: 'ssh://git@git.example:2222/o/shop.git', protocol: 'ssh', repository: 'shop', ...none }],
  ['ssh://git:secret@git.example/o/shop.git', { url: 'ssh://git@git.example/o/shop.git', ...none }],
  ['git@git.example:o/shop.git', { url: 'git@git.example:o/shop.git', protocol: 'ssh', repository: 'shop', ...none }],
  ['file:///srv/shop.git', { url: 'file:///srv/shop.git', protocol: 'file', repository: 'shop', ...none }],
  ['file:///home/me/shop/.git', { repository: 'shop' }],
  ['https://git.example/a/..%2f..%2fx', { repository: '2f..-2fx' }],
  ['https://git.example/a/.git', { repository: 'a' }],
])('%s is taken, and no credential stays in its address', (text, parsed) => {
  expect(isGitUrl(text)).toBe(true);
  expect(parseGitUrl(text)).toMatchObject(parsed);
}); // prettier-ignore

test.each([
  ['ext::sh', /none of https/],
  ['fd::17/x', /none of https/],
  ['http://git.example/x', /neither encrypted/],
  ['git://git.example/x', /neither encrypted/],
  ['ftp://git.example/x', /none of https/],
  ['https://git.example/', /names no repository/],
  ['https://git.example/x?token=hunter2', /query/],
  ['https://git.example/x#f', /fragment/],
  ['ssh://-oProxyCommand=id/x', /host|no URL/],
  ['https://git.example/a b', /blank/],
  ['https://git.example/a\u001b[2J', /control/],
  ['file://srv/x', /three slashes/],
  ['https://me:hunter2%zz@git.example/x', /percent sign/],
])('%s is refused, and nothing of it is repeated that could be a password', (text, because) => {
  expect(isGitUrl(text)).toBe(true);
  expect(() => parseGitUrl(text)).toThrow(
    expect.objectContaining({ code: 'E_USAGE', because: expect.stringMatching(because) }),
  );
  expect(() => parseGitUrl(text)).not.toThrow(/hunter2/);
});

test.each(['.', 'shop', '../shop', '/srv/shop.git', 'a:b', 'C:/x'])('%s is a directory', (text) => {
  expect(isGitUrl(text)).toBe(false);
});
