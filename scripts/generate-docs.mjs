// Writes docs/cli.md from the built command values and docs/review.md from the catalogue; `npm run build` comes first.
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadAllCommands } from '../dist/cli/commands.js';
import { renderReference } from '../dist/cli/reference.js';
import { renderCatalogue } from '../dist/workspace/catalogue-page.js';

mkdirSync('docs', { recursive: true });
writeFileSync('docs/cli.md', renderReference(await loadAllCommands()));
writeFileSync('docs/review.md', renderCatalogue());
