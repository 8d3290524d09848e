import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/repositories.ts';
import { confinedCopy } from './confined-copy.ts';

test('a copy that would follow every link still gets no file of this machine', () => {
  const outside = join(temporaryDirectory(), 'private');
  writeFileSync(outside, 'the host’s\n');
  const [source, place] = [temporaryDirectory(), temporaryDirectory()];
  writeFileSync(join(source, 'own'), 'o\n');
  symlinkSync(outside, join(source, 'absolute'));
  symlinkSync('../../../../../../../../etc/passwd', join(source, 'relative'));
  const options = ['--recursive', '--dereference'];
  const [program = '', ...args] = confinedCopy(source, join(place, 'confined'), options);
  spawnSync(program, args);
  spawnSync('cp', [...options, '--no-target-directory', source, join(place, 'free')]);
  const copied = (name: string): boolean[] => ['confined', 'free'].map((to) => existsSync(join(place, to, name)));
  expect(copied('own')).toEqual([true, true]);
  expect([copied('absolute'), copied('relative')]).toEqual([
    [false, true],
    [false, true],
  ]);
});
