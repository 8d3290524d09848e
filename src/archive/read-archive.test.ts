// Archives that somebody hostile wrote: each is refused by name, nothing is ever written outside of the stage, and nothing crashes.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { Header, Pax } from 'tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IronError } from '../platform/errors.ts';
import { snapshotOf } from '../../test/support/host-snapshot.ts';
import { entryLine, type ArchiveEntry } from './entry.ts';
import { encodeBytes, parseEntryPath } from './entry-name.ts';
import { parseManifest } from './manifest.ts';
import { readArchive } from './read-archive.ts';
import { openStage } from './stage.ts';
import { encodeHeader, padding, readHeader } from './tar-blocks.ts';
import { createArchiveWriter } from './write-archive.ts';

let root: string;
let stage: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-archive-'));
  stage = join(root, 'stage');
  mkdirSync(stage);
  mkdirSync(join(root, 'outside'));
  writeFileSync(join(root, 'outside', 'victim'), 'safe');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

type Part = ArchiveEntry & { body: string };

function part(path: string, more: Partial<Part> = {}): Part {
  const body = more.body ?? '';
  return { path, kind: 'file', mode: 0o644, size: Buffer.byteLength(body), mtime: 1, target: '', body, ...more };
}

const directory = (path: string): Part => part(path, { kind: 'directory', mode: 0o755 });
const link = (path: string, target: string): Part => part(path, { kind: 'link', mode: 0o777, target });

const OID = 'a'.repeat(40);

function manifestText(parts: readonly Part[], more: object = {}): string {
  return JSON.stringify({
    ...{ format: 'ironcage-backup', version: 1, ironcage: '0', createdAt: '2026-01-01T00:00:00.000Z', cage: 'x' },
    ...{ spec: {}, hasHome: true, hasSecrets: false, leftOut: [] },
    workspaces: [
      {
        ...{ dir: '', path: '/p', hasTree: true, leftOut: [] },
        base: { objectFormat: 'sha1', tree: OID, commit: OID, nested: [], unreadable: [] },
      },
    ],
    entries: parts.length,
    bytes: parts.reduce((sum, { size }) => sum + size, 0),
    ...more,
  });
}

interface Craft {
  manifest?: object;
  /** Instead of a list of what there is. */
  list?: (lines: readonly string[]) => readonly string[];
  header?: (entry: Part, block: Buffer) => Buffer;
  end?: Buffer;
}

function craft(parts: readonly Part[], { manifest, list, header, end }: Craft = {}): Buffer {
  const first = manifestText(parts, manifest);
  const all = [part('manifest.json', { body: first, mode: 0o600, mtime: 0 }), ...parts];
  const lines = all.map((each) => entryLine(each, createHash('sha256').update(each.body).digest('hex')));
  const own = part('entries.ndjson', { body: (list?.(lines) ?? lines).join(''), mode: 0o600, mtime: 0 });
  return Buffer.concat([
    ...[...all, own].flatMap((each) => [
      header?.(each, encodeHeader(each)) ?? encodeHeader(each),
      Buffer.from(each.body),
      Buffer.alloc(padding(Buffer.byteLength(each.body))),
    ]),
    end ?? Buffer.alloc(1024),
  ]);
}

/** Unpacks into the stage, as a restore does. */
async function unpack(archive: Buffer): Promise<void> {
  const file = join(root, 'archive');
  rmSync(join(root, 'list'), { force: true });
  writeFileSync(file, archive);
  const fd = openSync(file, 'r');
  const place = openStage(stage, () => undefined);
  try {
    await readArchive(fd, {
      listFile: join(root, 'list'),
      begin: () => Promise.resolve(),
      entry: (entry, names, contents) => place.put(entry, names, contents),
    });
  } finally {
    place.close();
    closeSync(fd);
  }
}

const GOOD = [
  directory('home'),
  part('home/.profile', { body: 'x'.repeat(700) }),
  directory('home/a'),
  link('home/a/out', '../../../outside'),
  part('home/b', { mode: 0o755 }),
  directory('trees'),
];

test('what is as ironcage writes it is unpacked, links and all', async () => {
  await unpack(gzipSync(craft(GOOD)));
  expect(Object.keys(snapshotOf(stage))).toHaveLength(6);
});

test('what the writer writes the reader takes, names of any bytes, long ones and large ones', async () => {
  const file = join(root, 'written');
  const long = `home/${'ä'.repeat(120)}/${'b'.repeat(255)}`;
  const parts = [
    directory('home'),
    part('home/%FF%0A', { body: 'odd' }),
    directory(`home/${'ä'.repeat(120)}`),
    part(long, { body: 'long' }),
    link(`home/link`, 'c'.repeat(300)),
    part('home/many', { body: 'z'.repeat(1_000_000) }),
  ];
  const fd = openSync(file, 'wx+');
  const writer = createArchiveWriter(fd, join(root, 'writing'));
  const text = manifestText(parts);
  await writer.add(part('manifest.json', { size: Buffer.byteLength(text) }), { bytes: Buffer.from(text) });
  for (const { body, ...entry } of parts)
    await writer.add(entry, entry.kind === 'file' ? { bytes: Buffer.from(body) } : undefined);
  await writer.finish();
  closeSync(fd);
  const again = openSync(file, 'r');
  const seen: string[] = [];
  await readArchive(again, {
    listFile: join(root, 'list'),
    begin: () => Promise.resolve(),
    entry: (entry) => Promise.resolve(void seen.push(entry.path)),
  });
  closeSync(again);
  expect(seen).toEqual(parts.map(({ path }) => path));
});

const typed =
  (type: 'Link' | 'CharacterDevice' | 'BlockDevice' | 'FIFO' | 'ContiguousFile', path: string) =>
  (entry: Part, block: Buffer): Buffer => {
    if (entry.path !== path) return block;
    const made = Buffer.alloc(512);
    new Header({
      path,
      type,
      mode: 0o644,
      size: 0,
      linkpath: type === 'Link' ? 'home' : '',
      mtime: new Date(1000),
    }).encode(made);
    return made;
  };
const one = [directory('home'), part('home/x')];
const hostile: Record<string, [Buffer, RegExp]> = {
  'an absolute path': [craft([part('/etc/x')]), /absolute/],
  'dots in a path': [craft([directory('home'), part('home/../../outside/x')]), /leads out/],
  'a single dot': [craft([directory('home'), part('home/./x')]), /leads out/],
  'an empty name': [craft([directory('home'), part('home//x')]), /empty part/],
  'no name at all': [craft([directory('home'), part('')]), /empty/],
  'a name that is written in a second way': [craft([directory('home'), part('home/%41')]), /not written as/],
  'dots in disguise': [craft([directory('home'), part('home/%2E%2E')]), /not written as/],
  'a separator in disguise': [craft([directory('home'), part('home/a%2Fb')]), /not written as/],
  'a NUL in a name': [craft([directory('home'), part('home/a%00b')]), /separator/],
  'a name of 256 bytes': [craft([directory('home'), part(`home/${'a'.repeat(256)}`)]), /longer than 255/],
  'a tree of 401 levels': [craft([directory('home'), part(`home/${'a/'.repeat(400)}a`)]), /nested more/],
  'an entry through a link': [
    craft([directory('home'), link('home/l', '../../outside'), part('home/l/x')]),
    /directory that it belongs to/,
  ],
  'a file in the place of a link': [
    craft([directory('home'), link('home/l', '../../outside/victim'), part('home/l')]),
    /twice/,
  ],
  'a directory in the place of a link': [
    craft([directory('home'), link('home/l', '../../outside'), directory('home/l')]),
    /twice/,
  ],
  'one file twice': [craft([directory('home'), part('home/x'), part('home/x')]), /twice/],
  'a directory that is entered again': [
    craft([directory('home'), directory('home/a'), part('home/x'), part('home/a/y')]),
    /directory that it belongs to/,
  ],
  'a file below a file': [craft([directory('home'), part('home/x'), part('home/x/y')]), /directory that it belongs to/],
  'a file whose directory is not there': [craft([part('home/x')]), /directory that it belongs to/],
  'a hard link': [craft(one, { header: typed('Link', 'home/x') }), /hard link/],
  'a character device': [craft(one, { header: typed('CharacterDevice', 'home/x') }), /device/],
  'a block device': [craft(one, { header: typed('BlockDevice', 'home/x') }), /device/],
  'a pipe': [craft(one, { header: typed('FIFO', 'home/x') }), /pipe/],
  'a kind that nobody knows': [craft(one, { header: typed('ContiguousFile', 'home/x') }), /of a kind/],
  'a set-uid file': [craft([directory('home'), part('home/x', { mode: 0o4755 })]), /set-uid/],
  'a sticky directory': [craft([part('home', { kind: 'directory', mode: 0o1777 })]), /set-uid/],
  'a link to what cannot be a target': [craft([directory('home'), link('home/l', 'a%00b')]), /target/],
  'a directory with contents': [
    craft([part('home', { kind: 'directory', mode: 0o755, size: 4, body: 'abcd' })], {
      header: (entry, block) => (entry.path === 'home' ? sized(block, 4) : block),
    }),
    /./,
  ],
  'a wrong digest': [
    craft(one, { list: (lines) => lines.map((line) => line.replace(/"sha256":"./, '"sha256":"0')) }),
    /not what its list says/,
  ],
  'a file that is not in the list': [craft(one, { list: (lines) => lines.slice(0, -1) }), /not in its list/],
  'a file of the list that is missing': [
    craft(one, { list: (lines) => [...lines, entryLine(part('home/z'), 'a'.repeat(64))] }),
    /not what its list says/,
  ],
  'another mode than the list has': [
    craft(one, { list: (lines) => lines.map((line) => line.replace('"644"', '"600"')) }),
    /"home\/x" is not what/,
  ],
  'more entries than it says': [craft(one, { manifest: { entries: 1 } }), /more than it says/],
  'fewer entries than it says': [craft(one, { manifest: { entries: 3 } }), /missing/],
  'more bytes than it says': [
    craft([directory('home'), part('home/x', { body: 'xxxx' })], { manifest: { bytes: 3 } }),
    /more than/,
  ],
  'an unknown key': [craft(one, { manifest: { extra: 1 } }), /manifest is wrong/],
  'a newer format': [craft(one, { manifest: { version: 2, extra: 1 } }), /version 2.*newer/],
  'no manifest': [
    Buffer.concat([encodeHeader(part('home', { kind: 'directory' })), Buffer.alloc(1024)]),
    /begin with a manifest/,
  ],
  'a manifest without an end': [craft([], { manifest: { cage: 'x'.repeat(17 * 2 ** 20) } }), /too large/],
  'entries behind the list': [
    Buffer.concat([craft(one, { end: Buffer.alloc(0) }), encodeHeader(part('more')), Buffer.alloc(1024)]),
    /behind its list/,
  ],
  'bytes behind the end': [Buffer.concat([craft(one), Buffer.alloc(512)]), /behind its end/],
  'no end': [craft(one, { end: Buffer.alloc(0) }), /cut off/],
  'a header with a wrong checksum': [
    craft(one, { header: (entry, block) => (entry.path === 'home/x' ? flipped(block, 100) : block) }),
    /checksum/,
  ],
  'a header for all that follows': [Buffer.concat([new Pax({ path: '/etc/x' }, true).encode(), craft(one)]), /./],
};

function sized(block: Buffer, size: number): Buffer {
  const made = Buffer.from(block);
  made.write(size.toString(8).padStart(11, '0'), 124, 'latin1');
  return resummed(made);
}

function resummed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function flipped(block: Buffer, at: number): Buffer {
  const made = Buffer.from(block);
  made[at] = (made[at] ?? 0) ^ 1;
  return made;
}

describe('is refused by name', () => {
  test.each(Object.entries(hostile))('%s', async (_, [archive, because]) => {
    const before = snapshotOf(join(root, 'outside'));
    const error: unknown = await unpack(gzipSync(archive)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'E_ARCHIVE', because: expect.stringMatching(because) });
    expect(snapshotOf(join(root, 'outside'))).toEqual(before);
    expect(readdirSync(root).sort()).toEqual(expect.arrayContaining(['archive', 'outside', 'stage']));
  });

  test.each([
    ['a file that is cut off', (good: Buffer) => good.subarray(0, -20), /cut off/],
    ['a file that is no gzip', () => Buffer.from('PK\u0003\u0004 something else entirely'), /no gzip/],
    [
      'what lies behind the gzip stream',
      (good: Buffer) => Buffer.concat([good, Buffer.from('trailing')]),
      /behind its end|damaged/,
    ],
    [
      'a second stream behind the first',
      (good: Buffer) => Buffer.concat([good, gzipSync('more')]),
      /behind its end|damaged/,
    ],
    ['a gzip of a gzip', (good: Buffer) => gzipSync(good), /no archive/],
  ])('%s', async (_, change, because) => {
    const archive = change(gzipSync(craft(GOOD)));
    await expect(unpack(archive)).rejects.toMatchObject({ because: expect.stringMatching(because) });
  });

  test('a bomb, before it is unpacked to more than it says', async () => {
    const bomb = part('home/x', { body: '\0'.repeat(16 * 2 ** 20) });
    const archive = gzipSync(craft([directory('home'), bomb], { manifest: { bytes: 1000 } }));
    expect(archive.length).toBeLessThan(2 ** 18);
    await expect(unpack(archive)).rejects.toMatchObject({ because: expect.stringContaining('more than it says') });
    expect(existsSync(join(stage, 'home', 'x'))).toBe(false);
  });
});

test('an archive with a byte changed, cut or added anywhere is refused or the same, and never reaches outside', async () => {
  const good = craft(GOOD);
  const before = snapshotOf(join(root, 'outside'));
  const change = fc.record({
    at: fc.nat({ max: good.length - 1 }),
    kind: fc.constantFrom('flip', 'cut', 'insert', 'copy'),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 600 }),
    to: fc.nat({ max: good.length - 1 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      let archive = Buffer.from(good);
      for (const { at, kind, bytes, to } of changes) {
        if (kind === 'flip') Buffer.from(bytes).copy(archive, at);
        else if (kind === 'cut')
          archive = Buffer.concat([archive.subarray(0, at), archive.subarray(at + bytes.length)]);
        else if (kind === 'insert') archive = Buffer.concat([archive.subarray(0, at), bytes, archive.subarray(at)]);
        else archive.copy(archive, to - (to % 512), at - (at % 512), at - (at % 512) + 512);
      }
      rmSync(stage, { recursive: true, force: true });
      mkdirSync(stage);
      const error: unknown = await unpack(gzipSync(archive, { level: 1 })).catch((thrown: unknown) => thrown);
      if (error === undefined) expect(archive.equals(good) || Object.keys(snapshotOf(stage)).length === 6).toBe(true);
      else expect(error).toBeInstanceOf(IronError);
      expect(snapshotOf(join(root, 'outside'))).toEqual(before);
      expect(readdirSync(root).sort()).toEqual(
        ['archive', 'list', 'outside', 'stage'].filter((name) => existsSync(join(root, name))),
      );
    }),
    { numRuns: 250 },
  );
});

test('any text as a manifest is a manifest or refused', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((json) => manifestText([]).replace('{}', json)),
      ),
      (text) => {
        try {
          parseManifest(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'E_ARCHIVE' });
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('any header is an entry of a known kind, the end, or refused', async () => {
  const good = encodeHeader(part('home/x', { body: 'abc' }));
  const block = fc.record({
    at: fc.nat({ max: 511 }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
    sum: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 3 }), async (changes) => {
      const header = Buffer.from(good);
      for (const { at, bytes } of changes) Buffer.from(bytes).copy(header, at);
      const summed = changes[0]?.sum === true ? resummed(header) : header;
      let left = Buffer.concat([summed, Buffer.alloc(1024)]);
      const read = async (count: number): Promise<Buffer> => {
        const taken = left.subarray(0, count);
        left = left.subarray(count);
        return taken.length === count ? taken : Promise.reject(new IronError('E_ARCHIVE', { message: '', hint: '' }));
      };
      const entry: unknown = await readHeader(read).catch((thrown: unknown) => thrown);
      if (entry instanceof Error) expect(entry).toMatchObject({ code: 'E_ARCHIVE' });
      else expect(entry === undefined || (isEntry(entry) && entry.mode <= 0o777 && entry.size >= 0)).toBe(true);
    }),
    { numRuns: 10_000 },
  );
});

function isEntry(value: unknown): value is ArchiveEntry {
  return typeof value === 'object' && value !== null && 'mode' in value && 'size' in value;
}

test('any path is one of plain names that say the same again, or refused', () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom('a', '.', '..', '', '%41', '%2E', '%00', '%2F', '%FF', 'ä', '\u0000', '\n'), {
        maxLength: 6,
      })
      .map((parts) => parts.join('/')),
  );
  fc.assert(
    fc.property(text, (path) => {
      try {
        const names = parseEntryPath(path);
        expect(names.map(encodeBytes).join('/')).toBe(path);
        for (const name of names) expect(name).not.toMatch(/^\.{0,2}$|[/\0]/);
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_ARCHIVE' });
      }
    }),
    { numRuns: 10_000 },
  );
});
