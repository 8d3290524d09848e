// Tells an agent that works unattended of the messages: in its own file of standing instructions, which lies in the cage's home and may
// be anything by now, or ahead of its prompt; and of the tools by arguments.
import type { AgentProfile } from '../agents/profile.ts';
import { MESSAGE_SERVER, messagingInstructions } from '../bus/instructions.ts';
import type { Context } from '../cage/context.ts';
import { cageIdentity, currentCaller } from '../cage/identity.ts';
import { homeOf } from '../cage/shared-places.ts';
import type { CageSpec } from '../cage/spec.ts';
import { cagePaths } from '../cage/store.ts';
import { changeFileBeneath } from '../platform/beneath.ts';

const BEGIN = '<!-- ironcage: messages; written at each launch -->';
const END = '<!-- ironcage: end of messages -->';
const MAX_FILE_BYTES = 2 ** 20;

export interface Messaging {
  /** Ahead of the user's own arguments. */
  args: readonly string[];
  prompt: string;
}

/** The caller holds the cage's lock. `isWanted`: false takes what an earlier launch told out again. */
export function tellOfMessages(
  context: Context,
  spec: CageSpec,
  { name, headless }: AgentProfile,
  { isWanted, prompt }: { isWanted: boolean; prompt: string },
): Messaging {
  if (headless === undefined || headless.promptIsInput === true) return { args: [], prompt };
  const args = headless.serverArguments?.(MESSAGE_SERVER);
  const text = messagingInstructions(name, args !== undefined);
  const isTold =
    headless.instructionsFile !== undefined &&
    putInstructions(context, spec, headless.instructionsFile, isWanted ? text : undefined);
  if (!isWanted) return { args: [], prompt };
  return { args: args ?? [], prompt: isTold ? prompt : `${text}\n# The task\n\n${prompt}` };
}

/** False where the file is none that can be written. */
function putInstructions(context: Context, spec: CageSpec, file: string, text: string | undefined): boolean {
  const caller = currentCaller();
  return changeFileBeneath(homeOf(context, spec, cagePaths(context, spec.name)), file, {
    maxBytes: MAX_FILE_BYTES,
    owner: caller.uid === 0 ? cageIdentity(caller, spec) : undefined,
    change: (before) => withInstructions(before, text),
  });
}

/** What stands there stays, around our own part, which is put in place of an earlier one. Latin-1, so that no byte is lost. */
export function withInstructions(before: string | undefined, text: string | undefined): string | undefined {
  const begin = before?.lastIndexOf(BEGIN) ?? -1;
  const end = before?.indexOf(END, begin) ?? -1;
  const part = text === undefined ? '' : `${BEGIN}\n${Buffer.from(text).toString('latin1')}${END}\n`;
  if (before === undefined || begin < 0 || end < begin) {
    if (part === '') return before;
    return before === undefined || before === '' ? part : `${before.replace(/\n?$/, '\n')}\n${part}`;
  }
  const after = before.slice(end + END.length).replace(/^\n/, '');
  return `${part === '' ? before.slice(0, begin).replace(/\n\n$/, '\n') : before.slice(0, begin)}${part}${after}`;
}
