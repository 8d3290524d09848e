// tsc copies no scripts: the programs of src/guest go into dist as they are.
import { chmodSync, cpSync, readdirSync } from 'node:fs';

cpSync('src/guest', 'dist/guest', { recursive: true, filter: (path) => !path.endsWith('.ts') });
for (const name of readdirSync('dist/guest')) if (name.endsWith('.sh')) chmodSync(`dist/guest/${name}`, 0o755);
