// Secrets at rest: one file of mode 0600 per scope in a directory that nobody else can enter. Lists never hold a value; the
// only way to one is readSecretValue. The directory lies below the data root and is never mounted into a cage.
import { constants } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, type Clock } from '../platform/clock.ts';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { isSealed, writeSealedFile } from '../platform/sealed-file.ts';
import { withLock } from '../platform/locks.ts';
import { normaliseHost } from '../policy/hosts.ts';
import { parseSecretName } from './secret-name.ts';
import { createSecretValue, type SecretValue } from './secret-value.ts';
import type { StoreFile } from './store-file.ts';
import type { SecretSlot } from './types.ts';

export interface SecretPlace {
  /** Exact hosts; empty where an agent's profile says where the secret goes. */
  hosts: readonly string[];
  slots: readonly SecretSlot[];
  /** Absent: for every cage. */
  cage?: string | undefined;
}

/** A stored secret without its value. */
export interface StoredSecret {
  name: string;
  /** The cage it is for, or undefined when it is for every cage. */
  cage: string | undefined;
  hosts: readonly string[];
  slots: readonly SecretSlot[];
  /** ISO 8601: when this value was set. */
  createdAt: string;
}

/** Stores or replaces a secret. Throws E_USAGE for a name, value, host or slot that cannot be. */
export async function setSecret(
  directory: string,
  name: string,
  value: string,
  place: SecretPlace,
  clock: Clock = systemClock,
): Promise<void> {
  const key = parseSecretName(name);
  const stored = {
    value: createSecretValue(key, value).reveal(),
    hosts: place.hosts.map(parseBoundHost),
    slots: await Promise.all(place.slots.map(parseSlot)),
    createdAt: new Date(clock.now()).toISOString(),
  };
  await change(directory, place.cage, (secrets) => ({ ...secrets, [key]: stored }));
}

/** Throws E_NO_SECRET when there is none of this name in this scope. */
export async function removeSecret(directory: string, name: string, cage?: string): Promise<void> {
  const key = parseSecretName(name);
  await change(directory, cage, (secrets) => {
    if (!Object.hasOwn(secrets, key)) throw noSecret(key, cage);
    return Object.fromEntries(Object.entries(secrets).filter(([other]) => other !== key));
  });
}

/** What a cage could use (its own secrets hide global ones of the same name), or the global secrets alone; by name. */
export async function listSecrets(directory: string, cage?: string): Promise<StoredSecret[]> {
  const byName = new Map<string, StoredSecret>();
  for (const scope of cage === undefined ? [undefined] : [undefined, cage]) {
    for (const [name, { hosts, slots, createdAt }] of Object.entries((await load(directory, scope)).secrets)) {
      byName.set(name, { name, cage: scope, hosts, slots, createdAt });
    }
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The value that a cage gets: its own before the global one. Undefined when neither is stored. */
export async function readSecretValue(
  directory: string,
  name: string,
  cage?: string,
): Promise<SecretValue | undefined> {
  const key = parseSecretName(name);
  for (const scope of cage === undefined ? [undefined] : [cage, undefined]) {
    const { secrets } = await load(directory, scope);
    const stored = Object.hasOwn(secrets, key) ? secrets[key] : undefined;
    if (stored !== undefined) return createSecretValue(key, stored.value);
  }
  return undefined;
}

async function change(
  directory: string,
  cage: string | undefined,
  edit: (secrets: StoreFile['secrets']) => StoreFile['secrets'],
): Promise<void> {
  const path = scopePath(directory, cage);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await checkDirectory(directory);
  await withLock(`${path}.lock`, { what: 'the secret store' }, async () => {
    const { secrets } = await load(directory, cage);
    writeSealedFile(path, `${JSON.stringify({ version: 1, secrets: edit(secrets) }, undefined, 2)}\n`);
  });
}

async function load(directory: string, cage: string | undefined): Promise<StoreFile> {
  const path = scopePath(directory, cage);
  const text = await readPrivateFile(directory, path);
  if (text === undefined) return { version: 1, secrets: {} };
  if (isSealed(path, text)) {
    const own: StoreFile = JSON.parse(text);
    return own;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text around the fault, which may be a value.
    throw brokenStore(path, 'it is not JSON');
  }
  const { parseStoreFile } = await import('./store-file.ts');
  const parsed = parseStoreFile(value);
  if (parsed.ok) return parsed.file;
  throw brokenStore(path, `a field is missing, unknown or of the wrong kind in ${parsed.key}`);
}

async function readPrivateFile(directory: string, path: string): Promise<string | undefined> {
  try {
    await checkDirectory(directory);
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      if (((await handle.stat()).mode & 0o077) !== 0) throw openToOthers(path, '600');
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function checkDirectory(directory: string): Promise<void> {
  if (((await stat(directory)).mode & 0o077) !== 0) throw openToOthers(directory, '700');
}

/** A cage's name is checked where cages are made; here it must only be unable to leave the directory or meet another scope. */
function scopePath(directory: string, cage: string | undefined): string {
  if (cage === undefined) return join(directory, 'global.json');
  if (/^[\p{L}\p{N}_][\p{L}\p{N}._-]{0,200}$/u.test(cage)) return join(directory, `cage.${cage}.json`);
  throw new IronError('E_NAME', {
    message: 'that is not a name of a cage',
    hint: 'see the names of the cages with `ironcage list`',
  });
}

function parseBoundHost(text: string): string {
  const host = normaliseHost(text);
  if (host !== undefined) return host;
  throw new IronError('E_USAGE', {
    message: `a secret cannot be bound to ${JSON.stringify(text)}`,
    hint: 'name exact hosts, without scheme, port, path or wildcard: api.example.com',
  });
}

async function parseSlot(slot: SecretSlot): Promise<SecretSlot> {
  const { slotSchema } = await import('./store-file.ts');
  const parsed = slotSchema.safeParse(slot);
  if (parsed.success) return parsed.data;
  throw new IronError('E_USAGE', {
    message: 'that is not a slot for a secret',
    hint: 'a slot is bearer, basic-password, or a header by its lower-case name',
  });
}

function noSecret(name: string, cage: string | undefined): IronError {
  return new IronError('E_NO_SECRET', {
    message: cage === undefined ? `no secret ${name} is stored` : `no secret ${name} is stored for the cage ${cage}`,
    hint: 'see what is stored with `ironcage secret list`',
  });
}

function brokenStore(path: string, because: string): IronError {
  return new IronError('E_STATE_BROKEN', {
    message: `the secret store ${path} cannot be read`,
    because,
    hint: 'repair the file, or move it away and set its secrets again',
    details: { path },
  });
}

function openToOthers(path: string, mode: string): IronError {
  return new IronError('E_PROTECTION', {
    message: `other users can get at ${path}`,
    because: 'it holds secrets, and its mode lets the group or others in',
    hint: `close it: chmod ${mode} ${path}; if others had access, rotate the secrets`,
    details: { path },
  });
}
