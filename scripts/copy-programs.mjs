// tsc copies no shell programs and no programs of src/guest: they go into dist beside the compiled files.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

for (const name of readdirSync('src', { recursive: true })) {
  if (!name.endsWith('.sh') && !name.startsWith('guest/')) continue;
  const target = join('dist', name);
  if (name.endsWith('.test.ts')) {
    // No part of the package; an earlier build may have put it there.
    rmSync(target, { force: true });
    continue;
  }
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join('src', name), target);
  chmodSync(target, 0o755);
}
