import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderCatalogue } from './catalogue-page.ts';

test('docs/review.md is what the catalogue says; node scripts/generate-docs.mjs writes it', () => {
  expect(readFileSync(new URL('../../docs/review.md', import.meta.url), 'utf8')).toBe(renderCatalogue());
});
