// The user's own lock of agent versions, in the data root: what `upgrade` raised counts instead of what ships with ironcage, for
// every cage that is made or run after that, until it is raised again or the file is removed.
import { join } from 'node:path';
import { z } from 'zod';
import { userLockFile, type AgentLock, type LockedAgent } from '../agents/agent-lock.ts';
import { IronError } from '../platform/errors.ts';
import { makeDirectory, readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { withLock } from '../platform/locks.ts';
import { parseJson } from '../platform/json.ts';
import type { Context } from './context.ts';

const packageSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
});
const lockSchema = z.strictObject({
  version: z.literal(1),
  agents: z.record(z.string(), z.strictObject({ version: z.string(), platforms: z.record(z.string(), packageSchema) })),
});

/** Empty where nothing was raised. Throws E_CONFIG when it cannot be read: a version that was chosen is not dropped. */
export function readUserLock(context: Pick<Context, 'dataRoot'>): AgentLock {
  const file = userLockFile(context.dataRoot);
  const text = readTextIfPresent(file);
  if (text === undefined) return {};
  const parsed = lockSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.agents;
  throw new IronError('E_CONFIG', {
    message: `the lock of agent versions cannot be read: ${file}`,
    because: parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`),
    hint: 'repair the file; without it the versions that ship with ironcage count',
  });
}

export async function writeUserLock(context: Context, name: string, locked: LockedAgent): Promise<void> {
  makeDirectory(context.dataRoot);
  await withLock(join(context.dataRoot, '.agents.lock'), { what: 'the lock of agent versions' }, async () => {
    const agents = { ...readUserLock(context), [name]: locked };
    writeFileAtomic(userLockFile(context.dataRoot), `${JSON.stringify({ version: 1, agents }, undefined, 2)}\n`);
  });
}
