// A project of many files to measure with: the same for the same numbers, text that compresses as source code does, in git and packed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const WORDS =
  'const let return export function import from await async number string value index entry path name file read write open close'.split(
    ' ',
  );
const IN_ONE_DIRECTORY = 40;

/** Makes it at `root`; returns the relative paths of its files. */
export function makeCorpus(root, files, bytes) {
  const random = randomFrom(42);
  const paths = [];
  const text = sample(random, 2 ** 20);
  for (let index = 0; index < files; index += 1) {
    const directory = Math.floor(index / IN_ONE_DIRECTORY);
    const path = `src/part-${directory % 100}/of-${Math.floor(directory / 100)}/file-${index}.ts`;
    // Sizes as source files have them: many small, few large, `bytes` together.
    const size = Math.round((-Math.log(1 - random()) * bytes) / files);
    const from = Math.floor(random() * (text.length / 2));
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(
      join(root, path),
      `// ${index}\n${text.repeat(Math.ceil(size / text.length)).slice(from, from + size)}\n`,
    );
    paths.push(path);
  }
  const git = (...args) =>
    execFileSync('git', [
      '-C',
      root,
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.org',
      '-c',
      'gc.auto=0',
      ...args,
    ]);
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '-m', 'corpus');
  return paths;
}

function sample(random, length) {
  let text = '';
  while (text.length < length) {
    const words = Array.from(
      { length: 3 + Math.floor(random() * 9) },
      () => `${WORDS[Math.floor(random() * WORDS.length)]}${random() < 0.3 ? Math.floor(random() * 1e6) : ''}`,
    );
    text += `${' '.repeat(2 * Math.floor(random() * 4))}${words.join(' ')};\n`;
  }
  return text;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
