// Secrets of the store, and how a cage comes to be bound to one.
import { join } from 'node:path';
import type { AgentSecret } from '../agents/profile.ts';
import { findKnownSecret } from '../agents/vendor-secrets.ts';
import { IronError } from '../platform/errors.ts';
import { createPlaceholder } from '../secrets/placeholders.ts';
import { listSecrets } from '../secrets/store.ts';
import type { Context } from './context.ts';
import type { SpecBinding } from './spec.ts';

export function secretsDirectory(context: Context): string {
  return join(context.dataRoot, 'secrets');
}

/** Placeholder prefix of secrets that no agent profile describes. */
const PLAIN_PREFIX = 'ironcage-';

export function bindAgentSecret(secret: AgentSecret): SpecBinding {
  return {
    name: secret.name,
    hosts: [...secret.hosts],
    slots: [...secret.slots],
    placeholder: createPlaceholder(secret.placeholderPrefix),
    env: secret.env,
  };
}

/** Another placeholder for a secret that some cage is bound to. */
export function anotherPlaceholder(name: string): string {
  return createPlaceholder(findKnownSecret(name)?.placeholderPrefix ?? PLAIN_PREFIX);
}

/** Of `names` those whose value is stored for this cage and for no other. */
export async function storedForAlone(context: Context, names: readonly string[], cage: string): Promise<string[]> {
  if (names.length === 0) return [];
  const [own, all] = await Promise.all([
    listSecrets(secretsDirectory(context), cage),
    listSecrets(secretsDirectory(context)),
  ]);
  return names.filter(
    (name) =>
      own.some((secret) => secret.name === name && secret.cage === cage) && !all.some((secret) => secret.name === name),
  );
}

/** Binds `--secret NAME`: as an agent's profile says, else as it was stored. Throws E_NO_SECRET when nobody says where it may go. */
export async function bindNamedSecret(context: Context, name: string, cage: string): Promise<SpecBinding> {
  const known = findKnownSecret(name);
  if (known !== undefined) return bindAgentSecret(known);
  const stored = (await listSecrets(secretsDirectory(context), cage)).find((secret) => secret.name === name);
  if (stored === undefined || stored.hosts.length === 0) {
    throw new IronError('E_NO_SECRET', {
      message: `it is not known where the secret ${name} may go`,
      because: 'a secret is put into requests to named hosts only',
      hint: `store it with its host: ironcage secret set ${name} --host api.example.com`,
    });
  }
  return {
    name,
    hosts: [...stored.hosts],
    slots: [...stored.slots],
    placeholder: createPlaceholder(PLAIN_PREFIX),
    env: name,
  };
}
