// Keys of model vendors that no agent profile brings: `--secret GOOGLE_API_KEY` needs no word about where it may go.
import type { AgentSecret } from './profile.ts';
import { AGENTS } from './profiles.ts';

const GOOGLE_AI = {
  hosts: ['generativelanguage.googleapis.com'],
  slots: [{ kind: 'header', name: 'x-goog-api-key' }],
  placeholderPrefix: 'AIzaSy-ironcage-',
} as const;

const VENDOR_SECRETS: readonly AgentSecret[] = [{ ...GOOGLE_AI, name: 'GOOGLE_API_KEY', env: 'GOOGLE_API_KEY' }];

/** The secret of an agent or a vendor under its usual name, or undefined. */
export function findKnownSecret(name: string): AgentSecret | undefined {
  return [...AGENTS.flatMap((profile) => profile.secrets), ...VENDOR_SECRETS].find((secret) => secret.name === name);
}
