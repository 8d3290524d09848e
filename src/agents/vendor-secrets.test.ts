import { expect, test } from 'vitest';
import { MODEL_HOSTS } from '../policy/bundles.ts';
import { createPlaceholder, isPlaceholder } from '../secrets/placeholders.ts';
import { findKnownSecret } from './vendor-secrets.ts';

test.each(['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GEMINI_API_KEY', 'GOOGLE_API_KEY'])(
  '%s is known, and goes to a host that a bundle of models names',
  (name) => {
    const secret = findKnownSecret(name);
    expect(secret).toMatchObject({ name, env: name });
    expect(secret?.hosts.every((host) => MODEL_HOSTS.has(host))).toBe(true);
    expect(isPlaceholder(createPlaceholder(secret?.placeholderPrefix ?? ''))).toBe(true);
  },
);

test.each(['', 'TOKEN', '__proto__', 'openai_api_key'])('%j is not known', (name) => {
  expect(findKnownSecret(name)).toBeUndefined();
});
