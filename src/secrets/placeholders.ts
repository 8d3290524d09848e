// What a cage holds instead of a secret: worth nothing, unique, and recognisable wherever it turns up.
import { randomBytes } from 'node:crypto';
import { IronError } from '../platform/errors.ts';

/** 128 bits: nobody guesses one, and no two are alike. */
const RANDOM_BYTES = 16;
const PREFIX = /^[A-Za-z0-9_.-]{0,64}$/;
const PLACEHOLDER = /^[A-Za-z0-9_.-]{0,64}[0-9a-f]{32}$/;

/** `prefix` looks right to the client, as `sk-ant-api03-ironcage-`; 32 hex digits follow. */
export function createPlaceholder(prefix: string): string {
  if (!PREFIX.test(prefix)) {
    throw new IronError('E_CONFIG', {
      message: `${JSON.stringify(prefix)} cannot begin a placeholder`,
      hint: 'use at most 64 letters, digits, dots, dashes and underscores, which pass every header unchanged',
    });
  }
  return prefix + randomBytes(RANDOM_BYTES).toString('hex');
}

/** Whether a text has the shape of a placeholder. */
export function isPlaceholder(text: string): boolean {
  return PLACEHOLDER.test(text);
}
