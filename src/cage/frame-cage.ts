// The making of a cage, whatever fills it: until the last step its state says `creating`. Whatever ends it before takes all of it away,
// and after a crash the next command does.
import { makeDirectory, removeTree } from '../platform/files.ts';
import { noticeSignals, refuseWhenInterrupted } from '../platform/interrupts.ts';
import type { Context } from './context.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, cagesDirectory, writeCageState, writeSpec } from './store.ts';

/** `verb` names the steps. Nothing of that name may be there; the caller holds its lock. */
export async function frameCage<T extends { spec: CageSpec }>(
  context: Context,
  { name, verb, interrupted }: { name: string; verb: 'create' | 'fork'; interrupted: AbortSignal },
  fill: () => Promise<T>,
): Promise<T> {
  const { root } = cagePaths(context, name);
  context.step(`${verb}: begin`);
  makeDirectory(root);
  try {
    context.step(`${verb}: directory made`);
    writeCageState(context, name, { phase: 'creating' });
    context.step(`${verb}: announced`);
    const made = await fill();
    await noticeSignals();
    refuseWhenInterrupted(interrupted);
    writeSpec(context, made.spec);
    context.step(`${verb}: spec written`);
    writeCageState(context, name, { phase: 'stopped' });
    context.step(`${verb}: written`);
    return made;
  } catch (error) {
    removeTree(root, cagesDirectory(context));
    throw error;
  }
}
