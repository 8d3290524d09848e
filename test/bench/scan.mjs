// What looking into content costs, in MB/s on one core, with everything on that is on by default: the shapes of credentials and a
// known secret, over what cages send: code, minified code, base64 and JSON. Beside it, what a proxy's add-on would do: the
// patterns one by one on the decoded text, and the collection of patterns as it comes. After `npm run build`.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { tracesOf } from '../../dist/egress/inspect-secrets.js';
import { createScanner } from '../../dist/egress/inspect-stream.js';
import { SHAPE_ANCHORS } from '../../dist/policy/content/shape-anchors.js';

const MEGABYTES = 16;
const PIECE_BYTES = 64 * 1024;
const ROUNDS = 5;
const dist = fileURLToPath(new URL('../../dist', import.meta.url));

const settings = {
  bindings: [],
  secretValues: { KEY: 'a-secret-value-that-is-looked-for-0123' },
  policy: { mode: 'filtered', rules: [] },
};

const minified = join(dirname(createRequire(import.meta.url).resolve('typescript')), 'typescript.js');
const code = readdirSync(dist, { recursive: true })
  .filter((name) => name.endsWith('.js'))
  .map((name) => readFileSync(join(dist, name), 'utf8'))
  .join('\n');
const texts = {
  code: fill(code),
  'large module': fill(readFileSync(minified, 'utf8')),
  base64: fill(randomBytes(2 ** 20).toString('base64')),
  json: fill(JSON.stringify({ messages: code.split('\n').map((content) => ({ role: 'user', content })) })),
};

const ways = {
  ironcage: scan,
  'regular expressions, one by one': oneByOne,
  'one alternation of literals': alternation,
};

const rows = [['MB/s', ...Object.keys(texts)]];
for (const [name, way] of Object.entries(ways)) {
  rows.push([name, ...Object.values(texts).map((bytes) => rate(() => way(bytes)).toFixed(0))]);
}
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
for (const row of rows) console.log(row.map((cell, column) => cell.padStart(widths[column])).join('  '));
console.log(`${SHAPE_ANCHORS.length} literals of credentials and the traces of one secret are looked for`);

function fill(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat(Array.from({ length: Math.ceil((MEGABYTES * 1e6) / bytes.length) }, () => bytes)).subarray(
    0,
    MEGABYTES * 1e6,
  );
}

function scan(bytes) {
  const scanner = createScanner(tracesOf(settings, 'body'), 'body', () => undefined);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    scanner.push(bytes.subarray(at, at + PIECE_BYTES));
    void scanner.judge();
  }
}

function oneByOne(bytes) {
  const text = bytes.toString('utf8');
  let found = 0;
  for (const { literal } of SHAPE_ANCHORS) for (const _ of text.matchAll(patternOf(literal))) found += 1;
  return found;
}

function alternation(bytes) {
  const text = bytes.toString('utf8');
  let found = 0;
  const pattern = new RegExp(SHAPE_ANCHORS.map(({ literal }) => patternOf(literal).source).join('|'), 'g');
  for (const _ of text.matchAll(pattern)) found += 1;
  return found;
}

/** Of the form of most rules: a literal, and some of an alphabet behind it. */
function patternOf(literal) {
  return new RegExp(`${literal.replace(/[^\w]/g, '\\$&')}[\\w-]{16,}`, 'g');
}

/** The best of some rounds: what the machine can do when nobody else wants it. */
function rate(work) {
  work();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const begin = performance.now();
    work();
    best = Math.min(best, performance.now() - begin);
  }
  return (MEGABYTES * 1000) / best;
}
