// tsc copies no shell programs: they go into dist beside the compiled files.
import { chmodSync, copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

for (const name of readdirSync('src', { recursive: true })) {
  if (!name.endsWith('.sh')) continue;
  const target = join('dist', name);
  copyFileSync(join('src', name), target);
  chmodSync(target, 0o755);
}
