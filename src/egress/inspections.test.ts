import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Exchange, InspectionSettings, InspectorNote, Rule } from '../policy/types.ts';
import { createInspections } from './inspections.ts';
import { createUserInspectors } from './user-inspectors.ts';
import { Refusal } from './refusal.ts';
import { base32Alignments } from './secret-variants.ts';
import { createSettings, type Settings } from './settings.ts';

const VALUE = 'sk-real/9f8e7d+6c5b4a3f2e1d0c9b8a/ZyXwVu';
const PLACEHOLDER = 'sk-ironcage-0123456789abcdef0123456789abcdef';
const GITHUB = `ghp_${'a1B2c3D4'.repeat(4)}e5F6`;
const inspections = createInspections(createUserInspectors([]));

function settingsWith(inspection?: InspectionSettings): Settings {
  return createSettings({
    generation: 1,
    policy: { mode: 'filtered', rules: [], inspection },
    bindings: [{ name: 'KEY', hosts: ['api.example'], slots: [{ kind: 'bearer' }], placeholder: PLACEHOLDER }],
    secretValues: { KEY: VALUE },
    routes: [],
  });
}
const flagging = settingsWith();
const blocking = settingsWith({ secretShapes: 'block', payloadShape: 'block' });
const silent = settingsWith({ secretShapes: 'off', payloadShape: 'off' });

function exchangeWith(headers: readonly (readonly [string, string])[], parts: Partial<Exchange> = {}): Exchange {
  return {
    protocol: 'http',
    scheme: 'https',
    method: 'POST',
    host: 'api.example',
    port: 443,
    path: '/',
    query: '',
    headers,
    contentLength: undefined,
    ...parts,
  };
}

interface Sent {
  headers?: readonly (readonly [string, string])[];
  settings?: Settings;
  rule?: Rule;
  host?: string;
}

/** What became of a body that was sent in these pieces: the rule that refused it, or the names of the notes. */
async function send(
  pieces: readonly (Buffer | string)[],
  { headers = [], settings = flagging, rule, host }: Sent = {},
) {
  const exchange = exchangeWith(headers, host === undefined ? {} : { host });
  let notes: readonly InspectorNote[] = [];
  try {
    const inspection = inspections.body({ exchange, kind: 'body', settings, rule });
    for (const piece of pieces) await inspection?.push([Buffer.from(piece)]);
    await inspection?.finish();
    notes = inspection?.notes() ?? [];
  } catch (error) {
    if (error instanceof Refusal) return error.rule;
    throw error;
  }
  return notes.map(({ name, reason }) => `${name}: ${reason}`);
}

const bytes = Buffer.from(VALUE);
const escapeAll = (escape: (byte: number) => string): string => [...bytes].map(escape).join('');
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
const inLines = (text: string): string => text.replace(/.{40}/g, '$&\n');
const SPELLINGS: readonly (readonly [string, Buffer | string])[] = [
  ['plain', VALUE],
  ['percent', encodeURIComponent(VALUE)],
  ['percent, every byte', escapeAll((byte) => `%${hex(byte)}`)],
  ['percent, every second byte', escapeAll((byte) => (byte % 2 === 0 ? `%${hex(byte)}` : String.fromCharCode(byte)))],
  ['percent, twice', encodeURIComponent(escapeAll((byte) => `%${hex(byte)}`))],
  ['JSON', JSON.stringify(VALUE)],
  ['JSON, escaped slashes', VALUE.replaceAll('/', '\\/')],
  ['JSON, every byte', escapeAll((byte) => `\\u00${hex(byte)}`)],
  ['a script’s escapes', escapeAll((byte) => `\\x${hex(byte)}`)],
  ['HTML, decimal', escapeAll((byte) => `&#${byte};`)],
  ['HTML, hex with zeroes', escapeAll((byte) => `&#x000${hex(byte)};`)],
  ['hex', bytes.toString('hex')],
  ['HEX', bytes.toString('hex').toUpperCase()],
  ['hEx', bytes.toString('hex').replace(/[a-f](?=.[a-f])/g, (digit) => digit.toUpperCase())],
  ['UTF-16 LE', Buffer.from(VALUE, 'utf16le')],
  ['UTF-16 BE', Buffer.from(VALUE, 'utf16le').swap16()],
  ['reversed', Buffer.from(bytes.toReversed()).toString()],
  ['base64 in base64', Buffer.from(bytes.toString('base64')).toString('base64')],
  ['base64 of UTF-16', Buffer.from(VALUE, 'utf16le').toString('base64')],
  ['hex of base64', Buffer.from(bytes.toString('base64')).toString('hex')],
  ['base64 of gzip', gzipSync(bytes).toString('base64')],
  [
    'base64 in lines',
    Buffer.from(`some text before it ${VALUE} and some text behind it`).toString('base64').replace(/.{30}/g, '$&\r\n'),
  ],
  [
    'base64 in lines in JSON',
    JSON.stringify({ output: inLines(Buffer.from(`KEY=${VALUE}\n`.repeat(3)).toString('base64')) }),
  ],
  ['hex in lines in JSON', JSON.stringify({ output: inLines(Buffer.from(`KEY=${VALUE}\n`).toString('hex')) })],
  ['JSON in JSON', JSON.stringify(JSON.stringify({ output: inLines(Buffer.from(`KEY=${VALUE}`).toString('hex')) }))],
  [
    'the beginning of gzip in base64',
    gzipSync(VALUE + 'abcdefgh0123'.repeat(900))
      .subarray(0, -20)
      .toString('base64'),
  ],
  [
    'the beginning of much in gzip in base64',
    gzipSync(Buffer.concat([bytes, Buffer.alloc(1024 * 1024)])).toString('base64'),
  ],
  [
    'the beginning of much in zlib in hex',
    deflateSync(Buffer.concat([bytes, Buffer.alloc(1024 * 1024)])).toString('hex'),
  ],
  ['all but its last bytes', VALUE.slice(0, -8)],
];

test('base64 that a form escapes is read as well', async () => {
  // The only values whose base64 has `+` or `/` and that have none themselves.
  const settings = createSettings({
    ...{ generation: 1, policy: { mode: 'filtered', rules: [] }, bindings: [], routes: [] },
    secretValues: { KEY: 'ab>cd?ef~gh>ij?kl~' },
  });
  const form = encodeURIComponent(Buffer.from('ab>cd?ef~gh>ij?kl~').toString('base64'));
  expect(form).toMatch(/%2[BF]/);
  expect(await send([`data=${form}`], { settings })).toBe('<secret-leak>');
});

test.each(['identity', 'utf-8', 'none', 'amz-1.0', 'aws-chunked'])(
  'a body whose coding %s changes nothing is looked at as it is',
  async (coding) => {
    const headers = [['content-encoding', coding]] as const;
    expect(await send(['{"an":"innocent text"}'], { headers })).toEqual([]);
    expect(await send([`{"key":"${VALUE}"}`], { headers })).toBe('<secret-leak>');
  },
);

const cut = (body: Buffer): Buffer[] => [body.subarray(0, 20), body.subarray(20, 50), body.subarray(50)];

const pushOf = (reference: string): Buffer => {
  const line = `${'0'.repeat(40)} ${'1'.repeat(40)} ${reference}\0 report-status\n`;
  return Buffer.from(`${(line.length + 4).toString(16).padStart(4, '0')}${line}0000PACK`);
};

test.each(SPELLINGS)('a secret that leaves as %s is refused', async (_, spelling) => {
  for (const settings of [flagging, silent]) {
    expect(
      await send([Buffer.concat([Buffer.from('a body, '), Buffer.from(spelling), Buffer.from(' more of it')])], {
        settings,
      }),
    ).toBe('<secret-leak>');
  }
});

test.each([0, 1, 2, 3, 4])('a secret is refused in base64 and base32 with %i bytes before it', async (count) => {
  const text = Buffer.concat([Buffer.alloc(count, 0x41), bytes, Buffer.from('tail')]);
  for (const encoding of ['base64', 'base64url'] as const) {
    expect(await send([`{"data":"${text.toString(encoding)}"}`])).toBe('<secret-leak>');
  }
  for (const alignment of base32Alignments(bytes)) {
    expect(await send([`data=AAAA${alignment}`])).toBe('<secret-leak>');
    expect(await send([`data=${alignment.toLowerCase()}`])).toBe('<secret-leak>');
  }
});

const CODINGS: readonly (readonly [string, (body: Buffer) => Buffer])[] = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
  ['br', brotliCompressSync],
  ['gzip, br', (body) => brotliCompressSync(gzipSync(body))],
];

test.each(CODINGS)(
  'a secret is found in a body that is coded by %s, and an innocent one passes',
  async (coding, encode) => {
    const headers = [['content-encoding', coding]] as const;
    const innocent = Buffer.from('an innocent text. '.repeat(5000));
    const leaking = Buffer.concat([innocent, bytes]);
    expect(await send(cut(encode(innocent)), { headers })).toEqual([]);
    expect(await send(cut(encode(leaking)), { headers })).toBe('<secret-leak>');
  },
);

test.each([
  ['an unknown coding', 'compress', Buffer.from('x'), '<encoding>'],
  ['what is not coded as it says', 'gzip', Buffer.from('this is no gzip'), '<encoding>'],
  ['a coded body that ends early', 'gzip', gzipSync('some text'.repeat(50)).subarray(0, 30), '<encoding>'],
  ['four codings', 'gzip, gzip, gzip, gzip', Buffer.from('x'), '<encoding>'],
  ['a bomb', 'gzip', gzipSync(Buffer.alloc(32 * 1024 * 1024)), '<bomb>'],
  ['a bomb in a bomb', 'br, gzip', gzipSync(brotliCompressSync(Buffer.alloc(32 * 1024 * 1024))), '<bomb>'],
])('%s is refused', async (_, coding, body, rule) => {
  expect(await send([body], { headers: [['content-encoding', coding]] })).toBe(rule);
});

test('the bytes of a placeholder in a body are refused, with or without its prefix', async () => {
  const spellings = [`token=${PLACEHOLDER}`, PLACEHOLDER.slice(-32), Buffer.from(PLACEHOLDER).toString('base64')];
  for (const spelling of spellings) {
    expect(await send([spelling], { host: 'other.example' })).toBe('<placeholder>');
    // An agent tells its model what it saw, and a server that has the secret learns nothing by its placeholder.
    for (const host of ['api.example', 'api.anthropic.com']) {
      expect(await send([spelling], { host })).toEqual([
        expect.stringMatching(/^placeholder: .* worth nothing there$/),
      ]);
    }
  }
});

test('wherever a body is cut, a secret in it is found', async () => {
  const spelling = fc.constantFrom(...SPELLINGS.map(([, each]) => Buffer.from(each)));
  await fc.assert(
    fc.asyncProperty(spelling, fc.nat(2000), fc.array(fc.nat(), { maxLength: 6 }), async (secret, before, cuts) => {
      const body = Buffer.concat([Buffer.alloc(before, '. '), secret, Buffer.from(' end')]);
      const places = [0, ...cuts.map((cut) => cut % body.length).toSorted((a, b) => a - b), body.length];
      const pieces = places.slice(1).map((end, index) => body.subarray(places[index], end));
      expect(await send(pieces)).toBe('<secret-leak>');
    }),
    { numRuns: 10_000 },
  );
});

test('whatever a body holds, it passes or is refused', async () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
    fc.stringMatching(/^[%&\\#;xu0-9a-f/+=]{0,120}$/).map((each) => Buffer.from(each)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(noise, { maxLength: 4 }), async (pieces) => {
      const result = await send(pieces);
      expect(Array.isArray(result) || typeof result === 'string').toBe(true);
    }),
    { numRuns: 10_000 },
  );
});

test('what looks like a credential is noted without being quoted, refused where the policy blocks, passed where it is off', async () => {
  for (const pieces of [[`{"t":"${GITHUB}"}`], [`{"t":"${GITHUB.slice(0, 20)}`, `${GITHUB.slice(20)}"}`]]) {
    const notes = await send(pieces);
    expect(notes).toEqual(['secret-shape: the body holds what looks like a credential: github']);
    expect(await send(pieces, { settings: blocking })).toBe('<secret-shape>');
    expect(await send(pieces, { settings: silent })).toEqual([]);
  }
  expect(await send([Buffer.from(`it is ${GITHUB} as you see`).toString('base64')])).toContain(
    'secret-shape: the body holds what looks like a credential: github',
  );
});

test('oddly shaped bodies are noted, and refused where the policy blocks', async () => {
  const noise = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * index * 2654435761) >>> 13));
  for (const [type, body] of [
    ['application/json', Buffer.from([0x50, 0x4b, 0x03, 0x04, 1, 2, 3, 4])],
    ['text/plain', noise],
    ['image/png', Buffer.from('a text that is no image')],
    ['text/plain', Buffer.from('QUJD'.repeat(10_000))],
  ] as const) {
    const headers = [['content-type', type]] as const;
    expect(await send([body], { headers })).not.toEqual([]);
    expect(await send([body], { headers, settings: blocking })).toBe('<payload-shape>');
    expect(await send([body], { headers, settings: silent })).toEqual([]);
  }
});

test('a push of a reference outside of the rule is refused, also when it is compressed', async () => {
  const rule: Rule = {
    id: 'r',
    effect: 'allow',
    origin: 'user',
    host: 'api.example',
    pushRefs: ['refs/heads/agent/*'],
  };
  const headers = [['content-encoding', 'gzip']] as const;
  expect(await send([pushOf('refs/heads/agent/a')], { rule })).toEqual([]);
  expect(await send([pushOf('refs/heads/main')], { rule })).toBe('<git-push>');
  expect(await send([gzipSync(pushOf('refs/heads/agent/a'))], { rule, headers })).toEqual([]);
  expect(await send([gzipSync(pushOf('refs/heads/main'))], { rule, headers })).toBe('<git-push>');
  expect(await send(['0000'.slice(0, 2)], { rule })).toBe('<git-push>');
});

test.each([
  ['the path', exchangeWith([], { path: `/x/${encodeURIComponent(VALUE)}` })],
  ['the query', exchangeWith([], { query: `q=${escapeAll((byte) => `%${hex(byte)}`)}` })],
  ['a header', exchangeWith([['x-note', bytes.toString('base64')]])],
])('a secret in %s is refused, a placeholder there is the policy’s to judge', async (_, exchange) => {
  const look = async () => await inspections.head(exchange, flagging);
  await expect(look()).rejects.toMatchObject({ rule: '<secret-leak>' });
  expect(inspections.head(exchangeWith([['authorization', `Bearer ${PLACEHOLDER}`]]), flagging)).toBeUndefined();
});

const CAPITALS = 'SkRealNine8Seven7Five5AbcDefGhiJkl';
const capitalized = createSettings({
  ...{ generation: 1, policy: { mode: 'filtered', rules: [] }, bindings: [], routes: [] },
  secretValues: { KEY: CAPITALS },
});

test.each([
  ['plain', CAPITALS],
  ['in hex', Buffer.from(CAPITALS).toString('hex').toUpperCase()],
  ['in base64', Buffer.from(CAPITALS).toString('base64url')],
  ['in base32', base32Alignments(Buffer.from(CAPITALS))[0] ?? ''],
  ['backwards', Buffer.from(Buffer.from(CAPITALS).toReversed()).toString()],
])('a secret with capitals is refused %s in the name of a host, which is written small', async (_, label) => {
  const named = label.toLowerCase();
  const whole = async () => await inspections.head(exchangeWith([], { host: `${named}.api.example` }), capitalized);
  await expect(whole()).rejects.toMatchObject({ rule: '<secret-leak>' });
  const part = exchangeWith([], { host: `${named.slice(0, 8)}.api.example` });
  expect(inspections.head(part, capitalized)).toBeUndefined();
});

test('a small spelling of a secret is another text wherever capitals stay what they are', () => {
  expect(inspections.head(exchangeWith([], { path: `/${CAPITALS.toLowerCase()}` }), capitalized)).toBeUndefined();
});

test('a credential of somebody else’s in a head is noted', async () => {
  const notes = await inspections.head(exchangeWith([], { query: `token=${GITHUB}` }), flagging);
  expect(notes?.map(({ name }) => name)).toEqual(['secret-shape']);
});

test('a plain body takes no detour through promises', () => {
  const inspection = inspections.body({
    exchange: exchangeWith([]),
    kind: 'body',
    settings: flagging,
    rule: undefined,
  });
  expect(inspection?.push([Buffer.from('{"plain":"text"}')])).toBeUndefined();
  expect(inspection?.finish()).toBeUndefined();
});
