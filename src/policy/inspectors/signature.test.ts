import { describe, expect, test } from 'vitest';
import { decide } from '../chain.ts';
import { NO_USAGE } from '../inspector.ts';
import type { Exchange, Rule } from '../types.ts';

const rules: Rule[] = [{ id: 'all', effect: 'allow', origin: 'user', host: '**.example' }];

/** What the inspector says of a request, whatever the others say. */
function noteOn(parts: Partial<Exchange>): string | undefined {
  const exchange: Exchange = {
    ...{ protocol: 'http', scheme: 'https', method: 'PUT', host: 'b.s3.amazonaws.com', port: 443, path: '/key' },
    ...{ query: '', headers: [], contentLength: undefined },
    ...parts,
  };
  const { inspectors } = decide({ mode: 'filtered', rules }, exchange, {
    bindings: [],
    nowMs: 0,
    usage: () => NO_USAGE,
  });
  return inspectors.find(({ name }) => name === 'signature')?.action;
}

const STORES = [
  ...['b.s3.amazonaws.com', 's3.eu-west-1.amazonaws.com', 'sts.amazonaws.com', 'b.s3.cn-north-1.amazonaws.com.cn'],
  ...['storage.googleapis.com', 'b.storage.googleapis.com', 'a.blob.core.windows.net', 'x.r2.cloudflarestorage.com'],
  ...['b.nyc3.digitaloceanspaces.com', 'b.oss-cn-hangzhou.aliyuncs.com', 'ns.servicebus.windows.net'],
];
const SIGNED: [string, Partial<Exchange>][] = [
  ['Amazon’s signature', { query: 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00' }],
  ['Amazon’s credential alone', { query: 'x-amz-credential=AKIA' }],
  ['Amazon’s older signature', { query: 'AWSAccessKeyId=AKIA&Expires=1&Signature=aa' }],
  ['Google’s signature', { query: 'X-Goog-Signature=00' }],
  ['Azure’s signature', { query: 'sv=2024-01-01&se=1&sig=aa' }],
  ['a key in escapes', { query: '%58-Amz-Signature=00' }],
  ['Amazon’s header', { headers: [['authorization', 'AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=0']] }],
  ['the header for several regions', { headers: [['Authorization', 'AWS4-ECDSA-P256-SHA256 Credential=AKIA']] }],
  ['Amazon’s older header', { headers: [['authorization', 'AWS AKIA:aa=']] }],
  ['Google’s header', { headers: [['authorization', 'GOOG4-RSA-SHA256 Credential=x']] }],
  ['Azure’s header', { headers: [['authorization', 'SharedKey account:aa=']] }],
  ['a bus’s header', { headers: [['authorization', 'SharedAccessSignature sr=x&sig=y']] }],
  ['a session’s token', { headers: [['x-amz-security-token', 'aa']] }],
  ['a form with a policy', { method: 'POST', headers: [['content-type', 'multipart/form-data; boundary=x']] }],
];

describe.each(STORES)('at %s', (host) => {
  test.each(SIGNED)('%s is refused', (_, parts) => {
    expect(noteOn({ host, ...parts })).toBe('deny');
  });

  test.each<[string, Partial<Exchange>]>([
    ['a plain read', { method: 'GET', query: 'list-type=2&prefix=a' }],
    ['a checksum', { headers: [['x-amz-content-sha256', 'UNSIGNED-PAYLOAD']] }],
    ['a version', { method: 'GET', query: 'versionId=1&response-content-type=text/plain' }],
  ])('%s is nothing to it', (_, parts) => {
    expect(noteOn({ host, ...parts })).toBeUndefined();
  });
});

test.each(['cdn.example', 'amazonaws.com.evil.example', 'notamazonaws.com', 'storage.googleapis.com.example'])(
  'signatures at %s are nothing to it',
  (host) => {
    for (const [, parts] of SIGNED) expect(noteOn({ host, ...parts })).toBeUndefined();
  },
);

test('the decision names it', () => {
  const exchange: Exchange = {
    ...{ protocol: 'http', scheme: 'https', method: 'GET', host: 'sts.amazonaws.com', port: 443, path: '/' },
    ...{ query: 'X-Amz-Signature=00', headers: [], contentLength: undefined },
  };
  const open: Rule = { id: 'sts', effect: 'allow', origin: 'user', host: 'sts.amazonaws.com' };
  const context = { bindings: [], nowMs: 0, usage: () => NO_USAGE };
  expect(decide({ mode: 'filtered', rules: [open] }, exchange, context).rule).toBe('<foreign-signature>');
});
