// What a cage was made of before an upgrade, kept until the new is known to start: whoever finds this file takes the cage back.
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { pathExists, readTextIfPresent, removeTree, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import { readAgentText, writeAgentText } from './agent-programs.ts';
import type { Context } from './context.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, writeSpec } from './store.ts';

function journalFile(context: Context, name: string): string {
  return join(cagePaths(context, name).root, 'upgrade.json');
}

export function isUpgrading(context: Context, name: string): boolean {
  return pathExists(journalFile(context, name));
}

export function announceUpgrade(context: Context, spec: CageSpec): void {
  const agent = readAgentText(context, spec.name);
  const journal = { version: 1, spec, ...(agent === undefined ? {} : { agent }) };
  writeFileAtomic(journalFile(context, spec.name), `${JSON.stringify(journal)}\n`);
}

export function endUpgrade(context: Context, name: string): void {
  removeTree(journalFile(context, name), cagePaths(context, name).root);
}

/** The cage does not run. Throws E_STATE_BROKEN when it cannot be known what it was; it then stays as it is. */
export async function undoUpgrade(context: Context, name: string): Promise<void> {
  const file = journalFile(context, name);
  const [{ z }, { parseSpec }] = await Promise.all([import('zod'), import('./spec.ts')]);
  const schema = z.strictObject({ version: z.literal(1), spec: z.unknown(), agent: z.string().optional() });
  const parsed = schema.safeParse(parseJson(readTextIfPresent(file) ?? ''));
  if (!parsed.success) {
    throw new IronError('E_STATE_BROKEN', {
      message: `what ${name} was before its upgrade cannot be read: ${file}`,
      hint: 'remove that file to keep the cage as it is now',
    });
  }
  writeSpec(context, parseSpec(JSON.stringify(parsed.data.spec), file, name));
  if (parsed.data.agent !== undefined) writeAgentText(context, name, parsed.data.agent);
  endUpgrade(context, name);
}
