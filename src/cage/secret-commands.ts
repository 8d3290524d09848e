// Secrets as commands handle them: kept, listed, taken away, and handed to the cages that run.
import { findKnownSecret } from '../agents/vendor-secrets.ts';
import { sendControl } from '../egress/client.ts';
import { IronError } from '../platform/errors.ts';
import { normaliseHost } from '../policy/hosts.ts';
import type { SecretSlot } from '../policy/types.ts';
import { listSecrets, removeSecret, setSecret, type StoredSecret } from '../secrets/store.ts';
import type { Context } from './context.ts';
import { controlSocket } from './confirm-policy.ts';

import { egressGeneration } from './policy.ts';
import { stateHealth } from './repair.ts';
import { secretsDirectory } from './secrets.ts';
import {
  cageExists,
  listCageNames,
  noSuchCage,
  noteCageState,
  openDataRoot,
  readCageState,
  readSpec,
  withCageLock,
  writeSpec,
} from './store.ts';

export interface SecretInput {
  name: string;
  value: string;
  /** Absent: for every cage. */
  cage?: string | undefined;
  /** Exact hosts; may be left out for a secret that an agent's profile knows. */
  hosts?: readonly string[] | undefined;
  /** Header whose whole value it is; absent: a bearer token. */
  header?: string | undefined;
}

const CONTROL_TIMEOUT_MS = 5_000;

/** Stores a value and hands it to the running cages that are bound to it. Returns their names. */
export async function secretSet(context: Context, input: SecretInput): Promise<string[]> {
  openDataRoot(context);
  if (input.cage !== undefined && !cageExists(context, input.cage)) throw noSuchCage(input.cage);
  const known = findKnownSecret(input.name);
  const hosts = (input.hosts ?? []).map(parseHost);
  if (hosts.length === 0 && known === undefined) {
    throw new IronError('E_USAGE', {
      message: `say where ${input.name} may go`,
      because: 'no agent’s profile and no vendor of models has a secret of that name',
      hint: `ironcage secret set ${input.name} --host api.example.com [--header x-api-key]`,
    });
  }
  const place = {
    hosts: hosts.length > 0 ? hosts : (known?.hosts ?? []),
    slots: slotsFor(input.header, hosts.length > 0 ? undefined : known?.slots),
  };
  await setSecret(secretsDirectory(context), input.name, input.value, { ...place, cage: input.cage }, context.clock);
  return refreshRunning(context, input.name, []);
}

function parseHost(text: string): string {
  const host = normaliseHost(text);
  if (host !== undefined) return host;
  throw new IronError('E_USAGE', {
    message: `${JSON.stringify(text)} is no exact host`,
    hint: 'write a name such as api.example.com',
  });
}

function slotsFor(header: string | undefined, known: readonly SecretSlot[] | undefined): readonly SecretSlot[] {
  if (header === undefined) return known ?? [{ kind: 'bearer' }, { kind: 'basic-password' }];
  const name = header.toLowerCase();
  if (!/^[a-z0-9-]+$/.test(name)) {
    throw new IronError('E_USAGE', {
      message: `${JSON.stringify(header)} is no header name`,
      hint: 'example: --header x-api-key',
    });
  }
  return name === 'authorization' ? [{ kind: 'bearer' }, { kind: 'basic-password' }] : [{ kind: 'header', name }];
}

export function secretList(context: Context, cage?: string): Promise<StoredSecret[]> {
  return listSecrets(secretsDirectory(context), cage);
}

export async function secretRemove(context: Context, name: string, cage?: string): Promise<void> {
  await removeSecret(secretsDirectory(context), name, cage);
  // A cage may still have a value: its own, the global one, or one of this environment.
  await refreshRunning(context, name, [name]);
}

/** A running egress takes a changed value with the next generation; nothing is restarted. */
async function refreshRunning(
  context: Context,
  secret: string,
  withdrawnSecrets: readonly string[],
): Promise<string[]> {
  const refreshed: string[] = [];
  for (const name of listCageNames(context)) {
    const spec = await readSpec(context, name).catch(() => undefined);
    if (spec === undefined || !spec.secrets.some((binding) => binding.name === secret)) continue;
    await withCageLock(context, name, async () => {
      const state = readCageState(context, name);
      if (stateHealth(state) !== 'running' || state.phase !== 'running') return;
      // Read again: the rules may have changed while the lock was waited for.
      const current = await readSpec(context, name);
      const next = { ...current, generation: current.generation + 1 };
      writeSpec(context, next);
      const answer = await sendControl(
        controlSocket(context, name),
        { op: 'apply', generation: { ...(await egressGeneration(context, next)), withdrawnSecrets } },
        CONTROL_TIMEOUT_MS,
      );
      if (!answer.ok) {
        throw new IronError('E_EGRESS', {
          message: `the value is stored, but the egress of ${name} did not take it`,
          because: answer.message,
          hint: `restart the cage: ironcage restart ${name}`,
        });
      }
      noteCageState(context, name, { ...state, generation: answer.generation, hash: answer.hash });
      refreshed.push(name);
    });
  }
  return refreshed;
}
