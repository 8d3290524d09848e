import { expect, test } from 'vitest';
import { decide } from '../chain.ts';
import { NO_USAGE } from '../inspector.ts';
import type { Exchange, Rule } from '../types.ts';

const HOSTS = ['shop.example', 'dns.google', 'cloudflare-dns.com', 'abc.cloudflare-gateway.com', '1.1.1.1'];
const rules: Rule[] = HOSTS.map((host) => ({ id: `allow:${host}`, effect: 'allow', origin: 'user', host }));

function ruleOf(parts: Partial<Exchange>): string {
  const exchange: Exchange = {
    ...{ protocol: 'http', scheme: 'https', method: 'GET', host: 'shop.example', port: 443, path: '/a' },
    ...{ query: '', headers: [], contentLength: undefined },
    ...parts,
  };
  return decide({ mode: 'filtered', rules }, exchange, { bindings: [], nowMs: 0, usage: () => NO_USAGE }).rule;
}

/** `www.example.com A`, the example of RFC 8484. */
const QUESTION = 'AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB';

test.each<[string, Partial<Exchange>]>([
  ['a message in the body', { method: 'POST', headers: [['content-type', 'application/dns-message']] }],
  ['a message asked for', { headers: [['Accept', 'text/html, application/DNS-message;q=1']] }],
  ['JSON asked for', { headers: [['accept', 'application/dns-json']] }],
  ['a message hidden behind a relay', { headers: [['content-type', 'application/oblivious-dns-message']] }],
  ['a question in the query', { query: `dns=${QUESTION}` }],
  ['a question in the query, padded', { query: `x=1&DNS=${QUESTION}%3D%3D` }],
  ['the usual path', { path: '/dns-query' }],
  ['the usual path of a customer', { path: '/DNS-Query/abc' }],
  ['a resolver’s JSON', { host: 'dns.google', path: '/resolve', query: 'name=a.example&type=TXT' }],
  ['a resolver by address', { host: '1.1.1.1', path: '/x', query: 'name=a.example' }],
  ['a resolver of a customer', { host: 'abc.cloudflare-gateway.com', method: 'POST', path: '/' }],
])('%s is refused', (_, parts) => {
  expect(ruleOf(parts)).toBe('<doh>');
});

test.each<[string, Partial<Exchange>]>([
  ['another parameter of that name', { query: 'dns=8.8.8.8' }],
  ['a list of servers', { query: 'dns=ns1.example.com,ns2.example.com' }],
  ['an answer in the query', { query: `dns=${btoa('\0\0\x80\0\0\x01aaaaaaaaaaaaaaaaaaaa')}` }],
  ['a path about it', { path: '/docs/dns-query-guide' }],
  ['a page of a resolver', { host: 'dns.google', path: '/' }],
])('%s passes', (_, parts) => {
  expect(ruleOf(parts)).toMatch(/^allow:/);
});
