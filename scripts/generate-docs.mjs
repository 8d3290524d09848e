// Writes docs/cli.md from the built command values; `npm run build` comes first.
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadAllCommands } from '../dist/cli/commands.js';
import { renderReference } from '../dist/cli/reference.js';

mkdirSync('docs', { recursive: true });
writeFileSync('docs/cli.md', renderReference(await loadAllCommands()));
