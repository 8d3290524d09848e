import { expect, test } from 'vitest';
import type { SecretBinding } from '../secrets/types.ts';
import type { Field } from './fields.ts';
import { injectSecrets } from './inject.ts';
import { Refusal } from './refusal.ts';

const PLACEHOLDER = 'key-ironcage-00112233445566778899aabbccddeeff';
const BINDINGS: readonly SecretBinding[] = [
  {
    name: 'KEY',
    hosts: ['api.example'],
    slots: [{ kind: 'header', name: 'x-api-key' }, { kind: 'bearer' }, { kind: 'basic-password' }],
    placeholder: PLACEHOLDER,
  },
];

function field(spelled: string, value: string): Field {
  return { name: spelled.toLowerCase(), spelled, value };
}

function inject(
  spelled: string,
  value: string,
  host = 'api.example',
  secretValues: Record<string, string> = { KEY: 'real' },
) {
  const { fields, names } = injectSecrets(
    [field('Accept', '*/*'), field(spelled, value)],
    host,
    BINDINGS,
    secretValues,
  );
  return { value: fields[1]?.value, names };
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

test.each([
  ['X-Api-Key', PLACEHOLDER, 'real'],
  ['Authorization', `Bearer ${PLACEHOLDER}`, 'Bearer real'],
  ['Authorization', `token ${PLACEHOLDER}`, 'token real'],
  ['Authorization', basic(`user:${PLACEHOLDER}`), basic('user:real')],
])('%s: %s carries the value', (name, value, expected) => {
  expect(inject(name, value)).toEqual({ value: expected, names: ['KEY'] });
});

test.each([
  ['another header', 'X-Other', PLACEHOLDER],
  ['more than the placeholder', 'X-Api-Key', `${PLACEHOLDER}x`],
  ['the placeholder as a part', 'X-Api-Key', `x ${PLACEHOLDER}`],
  ['another scheme', 'Authorization', `Digest ${PLACEHOLDER}`],
  ['the user name', 'Authorization', basic(`${PLACEHOLDER}:x`)],
  ['no base64', 'Authorization', `Basic ${PLACEHOLDER}!`],
])('%s is left as it is', (_, name, value) => {
  expect(inject(name, value)).toEqual({ value, names: [] });
});

test.each(['other.example', 'sub.api.example', 'api.example.evil', 'API.example'])(
  '%s is not the bound host',
  (host) => {
    expect(inject('X-Api-Key', PLACEHOLDER, host)).toEqual({ value: PLACEHOLDER, names: [] });
  },
);

test.each([
  ['no value', {}],
  ['an empty value', { KEY: '' }],
  ['a value with a line end', { KEY: 'a\r\nX: y' }],
  ['a value with a NUL', { KEY: 'a\0' }],
])('%s is a refusal that does not quote it', (_, secretValues) => {
  expect(() => inject('X-Api-Key', PLACEHOLDER, 'api.example', secretValues)).toThrow(Refusal);
  expect(() => inject('X-Api-Key', PLACEHOLDER, 'api.example', secretValues)).toThrow(
    'has no value that could be sent',
  );
});

test('a value of Object itself is none', () => {
  const bindings = [
    { ...BINDINGS[0], name: 'constructor', hosts: ['h'], slots: [{ kind: 'bearer' as const }], placeholder: 'p' },
  ];
  expect(() => injectSecrets([field('Authorization', 'Bearer p')], 'h', bindings, {})).toThrow(Refusal);
});

test('a value beyond ASCII goes out as its UTF-8 bytes', () => {
  const { value } = inject('X-Api-Key', PLACEHOLDER, 'api.example', { KEY: 'ü' });
  expect(Buffer.from(value ?? '', 'latin1').toString('utf8')).toBe('ü');
});
